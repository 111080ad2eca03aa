ftc.receive("exports/google/flan-t5-base/summarization",{"entries":{"summarization_full_colab_free":{},"summarization_full_local_rtx-3060-12gb":{},"summarization_lora_colab_pro":{}},"lines":[]});
