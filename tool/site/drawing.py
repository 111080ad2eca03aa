"""SVG that reads well in light and in dark, wherever a README shows it."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

STYLE = """
svg{font:14px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:#171a21}
.page{fill:#fff;stroke:#d9dde6}.box{fill:#eef0f6;stroke:#c3c9d6}.quiet{fill:#535b6b}.small{font-size:12px}
.strong{font-weight:650}.title{font-size:17px;font-weight:700}.line{fill:none;stroke:#535b6b;stroke-width:1.6}
.back{stroke-dasharray:5 4}.tip{fill:#535b6b}.accent{fill:#3347c8}.on{fill:#fff}.none{fill:#e6e8ee}
.c0{fill:#3b5bdb}.c1{fill:#0b7285}.c2{fill:#2b8a3e}.c3{fill:#e8590c}.c4{fill:#c2255c}.c5{fill:#6741d9}.c6{fill:#e0a800}.c7{fill:#868e96}
.qlora{fill:#b5cff7}.lora{fill:#6f9ff0}.full{fill:#2748a0}.deep{fill:#fff}.edge{fill:none;stroke:#171a21;stroke-width:2}
@media(prefers-color-scheme:dark){svg{fill:#e8eaef}
.page{fill:#12161c;stroke:#2d3440}.box{fill:#20262f;stroke:#3a4250}.quiet{fill:#a2abba}.line{stroke:#a2abba}.tip{fill:#a2abba}
.accent{fill:#9db0ff}.on{fill:#10142b}.none{fill:#20262f}.edge{stroke:#e8eaef}
.c0{fill:#748ffc}.c1{fill:#3bc9db}.c2{fill:#69db7c}.c3{fill:#ffa94d}.c4{fill:#faa2c1}.c5{fill:#b197fc}.c6{fill:#ffe066}.c7{fill:#868e96}
.qlora{fill:#20407a}.lora{fill:#3f74d6}.full{fill:#bcd4ff}.deep{fill:#10142b}}
""".replace("\n", "")


class Drawing:
    """One picture of a width and a height in pixels, with a title for those who do not see it."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str, radius: float = 0) -> None:
        shape = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"'
        self.parts.append(f'<rect class="{kind}" {shape} rx="{radius:g}"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "start", turn: int = 0) -> None:
        """`anchor` is start, middle or end; `turn` in degrees about the point."""
        turned = f' transform="rotate({turn} {x:g} {y:g})"' if turn else ""
        named = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}"{turned}>{escape(words)}</text>')

    def path(self, way: str, kind: str = "line", arrow: bool = True) -> None:
        """A line along an SVG path, with an arrow head at its end."""
        tip = ' marker-end="url(#tip)"' if arrow else ""
        self.parts.append(f'<path class="{kind}" d="{way}"{tip}/>')

    def box(self, x: float, y: float, width: float, height: float, words: tuple[str, ...], kind: str = "box") -> None:
        """A rounded box with centred lines, the first one strong."""
        self.rectangle(x, y, width, height, kind, 8)
        ink = " on" if kind == "accent" else ""
        first = y + height / 2 + 5 - 9 * (len(words) - 1)
        for number, line in enumerate(words):
            style = f"strong{ink}" if number == 0 else f"small {'on' if ink else 'quiet'}"
            self.text(x + width / 2, first + 18 * number, line, style, "middle")

    def svg(self) -> bytes:
        """The bytes of the file."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label={quoteattr(self.title)}>'
        tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        marker = f'<defs>{tip}<path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>'
        page = f'<rect class="page" x=".5" y=".5" width="{self.width - 1}" height="{self.height - 1}" rx="12"/>'
        lines = [head, f"<title>{escape(self.title)}</title>", f"<style>{STYLE}</style>", marker, page, *self.parts]
        return "\n".join([*lines, "</svg>", ""]).encode()
