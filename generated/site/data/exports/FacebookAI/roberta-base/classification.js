ftc.receive("exports/FacebookAI/roberta-base/classification",{"entries":{},"items":[],"scripts":{"classification_full_colab_free":[],"classification_full_local_rtx-3060-12gb":[]}});
