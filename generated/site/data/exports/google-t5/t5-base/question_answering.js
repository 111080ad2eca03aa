ftc.receive("exports/google-t5/t5-base/question_answering",{"entries":{},"items":[],"scripts":{"question_answering_full_colab_free":[]}});
