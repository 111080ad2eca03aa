ftc.receive("exports/google-t5/t5-base/summarization",{"entries":{},"items":[],"scripts":{"summarization_full_colab_free":[],"summarization_full_local_rtx-3060-12gb":[]}});
