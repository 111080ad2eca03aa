"""What is learned from published recipes and measured outcomes, and how it is served.

`facts` says what is known before training, `fields` what is predicted, `grow` fits (scikit-learn), `forest` serves
(numpy alone), `artifacts` saves and loads with digests, `serve.open_engine` is the door for the recommender.
"""
