ftc.receive("exports/google/flan-t5-base/question_answering",{"entries":{},"items":[],"scripts":{"question_answering_full_colab_free":[],"question_answering_lora_colab_pro":[]}});
