ftc.receive("exports/google/flan-t5-xl/summarization",{"entries":{},"items":[],"scripts":{"summarization_lora_colab_pro":[]}});
