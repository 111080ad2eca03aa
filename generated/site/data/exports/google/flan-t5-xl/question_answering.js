ftc.receive("exports/google/flan-t5-xl/question_answering",{"entries":{},"items":[],"scripts":{"question_answering_lora_colab_pro":[]}});
