ftc.receive("exports/google/flan-t5-xl/summarization",{"entries":{"summarization_lora_colab_pro":{}},"lines":[]});
