# %% [markdown]
# # wordlab in Python
#
# Open what the pipeline made, ask it, train vectors on lists of words, and compare experiments.
# Run `make repro` first. Outputs are those of the default run; the tables at the end have two
# experiments more:
#
# ```
# dvc exp run --temp -n slow -S word2vec.skipgram.rate=0.0125 evaluate_embeddings
# dvc exp run --temp -n fast -S word2vec.skipgram.rate=0.05 evaluate_embeddings
# ```

# %%
import pandas as pd

import wordlab

WORDS = ("city", "war", "music", "science")
QUESTION = ("england", "english", "spain")
BEGINNING = "the history of"

# %% [markdown]
# ## Word vectors
#
# A model opens by its name: `cbow`, `skipgram`, `glove`, `ppmi_svd`, and `ppmi`, whose rows are
# sparse. `wordlab.open("skipgram/seed_2")` is another training of the same.

# %%
skipgram = wordlab.open("skipgram")
skipgram

# %%
pd.DataFrame({word: [near for near, _ in skipgram.most_similar(word, 8)] for word in WORDS})

# %% [markdown]
# Cosines, and an analogy: England is to English as Spain is to …

# %%
print(f"{WORDS[0]}, {WORDS[1]}: {skipgram.similarity(*WORDS[:2]):.3f}")
pd.DataFrame(skipgram.analogy(*QUESTION), columns=["answer", "score"])

# %% [markdown]
# Rows of PPMI say which contexts a word has more often than chance.

# %%
ppmi = wordlab.open("ppmi")
pd.DataFrame({word: [context for context, _ in ppmi.associations(word, 8)] for word in WORDS})

# %% [markdown]
# The same vectors in gensim, for all that it does with them.

# %%
vectors = skipgram.to_gensim()
vectors.doesnt_match(WORDS)

# %% [markdown]
# ## Word vectors of your own text
#
# The functions that the stages call, on lists of words. What a call does not say is as in
# `params.yaml`; the same seed gives the same bytes.

# %%
sentences = [["the", "cat", "sat"], ["the", "dog", "sat"], ["a", "cat", "ran"]] * 50
own = wordlab.train_word2vec(sentences, dimensions=10, epochs=5, subsample=0.0)
own

# %% [markdown]
# ## A language model
#
# What comes next, what surprises it, what it writes.

# %%
gru = wordlab.open("lm_gru")
pd.DataFrame(gru.next_words(BEGINNING, 8), columns=["next", "probability"])

# %%
gru.surprisal("The history of the city. The city of the history.").round(4)

# %%
print(gru.generate(seed=3, length=40))

# %% [markdown]
# ## Two experiments, by DVC
#
# `dvc.api` reads the params and the metrics of any experiment, branch or commit.

# %%
import dvc.api

wanted = {
    "Experiment": "experiment",
    "word2vec.skipgram.rate": "rate",
    "skip-gram.WordSim-353": "WordSim-353",
    "skip-gram.SimLex-999": "SimLex-999",
    "skip-gram.analogies": "analogies",
}
experiments = pd.DataFrame(dvc.api.exp_show()).rename(columns=wanted)
experiments["experiment"] = experiments["experiment"].fillna(experiments["rev"])
experiments.reindex(columns=list(wanted.values()))

# %% [markdown]
# ## The same runs, by MLflow
#
# Every stage is a run, and its tags say which stage and which experiment; `make ui` shows them.

# %%
import mlflow
from dvc.repo import Repo

mlflow.set_tracking_uri(f"sqlite:///{Repo.find_root()}/mlflow.db")
runs = mlflow.search_runs(
    experiment_names=["wordlab"],
    filter_string="tags.`wordlab.stage` = 'train_word2vec@skipgram'",
    order_by=["params.rate"],
)
columns = {
    "tags.dvc.experiment": "experiment",
    "params.rate": "rate",
    "params.epochs": "epochs",
    "metrics.loss": "loss",
}
runs.rename(columns=columns)[list(columns.values())].drop_duplicates(ignore_index=True)
