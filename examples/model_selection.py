"""Choose a classifier for handwritten digits: seven candidates, cross-validated in processes.

Training computes in Python and C for seconds, so every candidate gets a worker process of its own;
all else stays in this one. The data is scikit-learn's own copy of the UCI digits.

Needs scikit-learn: python -m pip install '.[examples]'

python -m stagekit run examples.model_selection
"""

# pyright: basic, reportArgumentType=false, reportMissingImports=false
# (scikit-learn has no types)
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, List, NewType, Tuple

from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from typing_extensions import Annotated

from stagekit import Each, run, stage

# Any: arrays and estimators, whose packages have no types
Report = NewType("Report", str)


@dataclass(frozen=True)
class Part:
    """Pictures of digits, and which digits they are."""

    pictures: Any
    digits: Any


class Training(Part):
    """What candidates are compared on."""


class Unseen(Part):
    """What nobody sees before the choice is made."""


@dataclass(frozen=True)
class Candidate:
    """A classifier that has not been trained."""

    name: str
    model: Any


@dataclass(frozen=True)
class Score:
    """How well a candidate does in cross-validation: the mean of three accuracies."""

    candidate: Candidate
    accuracy: float


@dataclass(frozen=True)
class Verdict:
    """The best candidate, and how well it does on what it has never seen."""

    best: Score
    accuracy: float


@stage(provides=(Training, Unseen))
def split() -> Tuple[Training, Unseen]:
    """Load the digits and put a quarter of them aside."""
    pictures, digits = load_digits(return_X_y=True)
    parts = train_test_split(pictures, digits, test_size=0.25, random_state=0, stratify=digits)
    return Training(parts[0], parts[2]), Unseen(parts[1], parts[3])


@stage
def candidates() -> List[Candidate]:
    """List the candidates."""
    return [
        Candidate("naive Bayes", GaussianNB()),
        Candidate("decision tree", DecisionTreeClassifier(random_state=0)),
        Candidate("linear discriminant", LinearDiscriminantAnalysis()),
        Candidate(
            "logistic regression",
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        ),
        Candidate("nearest neighbours", KNeighborsClassifier(3)),
        Candidate("random forest", RandomForestClassifier(100, random_state=0)),
        Candidate("support vectors", SVC(gamma=0.001)),
    ]


@stage(executor="processes", timeout=120)
def score(candidate: Annotated[Candidate, Each()], training: Training) -> Score:
    """Cross-validate one candidate."""
    found = cross_val_score(candidate.model, training.pictures, training.digits, cv=3)
    return Score(candidate, float(found.mean()))


@stage
def choose(scores: List[Score], training: Training, unseen: Unseen) -> Verdict:
    """Train the best one on all there is to train with, and examine it."""
    best = max(scores, key=lambda each: each.accuracy)
    model = best.candidate.model.fit(training.pictures, training.digits)
    return Verdict(best, float(model.score(unseen.pictures, unseen.digits)))


@stage
def report(scores: List[Score], verdict: Verdict) -> Report:
    """Tell who came where."""
    ranked = sorted(scores, key=lambda each: -each.accuracy)
    lines = [f"{each.candidate.name:20} {each.accuracy:6.1%}" for each in ranked]
    best = verdict.best.candidate.name
    return Report("\n".join([*lines, "", f"{best}: {verdict.accuracy:.1%} of unseen digits"]))


@stage
def show(report: Report) -> None:
    """Print the report."""
    print(report)


if __name__ == "__main__":
    run(show)
