"""Every number of the extractive synthesis, in one frozen object; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureWeights:
    """What each feature of a sentence is worth, in standard deviations of the feature."""

    length: float = 0.05
    address: float = -0.28
    group: float = -0.14
    frequent: float = 0.2
    articles: float = 0.74
    links: float = 0.38
    pleasant: float = -0.06
    asking: float = -0.03
    opening: float = 0.11
    early: float = 0.02
    ending: float = -0.04
    central: float = 0.0


@dataclass(frozen=True, slots=True)
class ExtractivePolicy:
    """How sentences are made, weighed and chosen."""

    join_across_segments: int = 3
    longest_turn_words: int = 400
    longest_sentence_words: int = 40
    embedded_words: int = 5

    weights: FeatureWeights = FeatureWeights()
    summary_words: int = 8
    long_words: int = 30
    frequent_words: int = 30
    most_frequent: int = 6
    opening_share: float = 0.02
    early_share: float = 0.08
    ending_share: float = 0.03
    most_candidates: int = 150
    repeated: float = 2.0
    alike: float = 0.0

    rule_words: tuple[int, int] = (4, 60)
    decision_content: int = 1
    decided: float = 1.0
    chosen: float = 0.6
    task_content: int = 1
    promised: float = 0.7
    weakly_promised: float = 0.4
    asked: float = 0.7
    named: float = 0.6
    shared_task: float = 0.5
    due_helps: float = 0.3
    question_content: int = 2
    asked_plainly: float = 0.6
    asked_indirectly: float = 0.8

    block_words: int = 60
    most_blocks: int = 600
    shared: float = 1.0
    topic_blocks: int = 4
    most_topics: int = 8
    topic_penalty: float = 0.02

    title_phrases: int = 3
    title_words: int = 3
    title_times: int = 2
    title_length: float = 0.7
    title_everywhere: float = 0.3

    same: float = 0.8
    most_decisions: int = 12
    most_action_items: int = 15
    most_questions: int = 8
    task_threshold: float = 0.5
    open_threshold: float = 0.3
    reply_words: int = 80
    answer_words: int = 6
    answer_similarity: float = 0.3
    unanswered: float = 0.5
    chunk_words: tuple[int, int] = (300, 500)
    title_citations: int = 3
    fallback_words: int = 10

    pause_sentences: int = 200
    pause_rows: int = 100
