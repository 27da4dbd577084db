"""The code of every model in MLflow, which runs a copy of this file to load one."""

from mlflow.models import set_model

from wordlab.pipeline.answering import Answering

set_model(Answering())
