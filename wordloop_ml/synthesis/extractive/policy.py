"""Every number of the extractive synthesis, in one frozen object; pure.

docs/synthesis-quality.md says what each was measured, or chosen, on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureWeights:
    """What each feature of a sentence adds to its score, per standard deviation of the feature.

    Fitted by scripts/evaluation/summaries.py.

    length: words, up to ``long_words``. address, group: shares of I and you, of we and us.
    term_frequency: logarithms of how many sentences of the meeting have each of its content words, summed, over the root
        of its words. articles, links: shares of "the" and "of", of "to" and "and": statements have many, chatter few.
        opening, early, ending: nearness to the meeting's ends. central: cosine with the mean of the meeting.
    """

    length: float = -0.41
    address: float = -0.21
    group: float = -0.09
    term_frequency: float = 0.74
    articles: float = 0.75
    links: float = 0.41
    opening: float = 0.31
    early: float = 0.06
    ending: float = -0.03
    central: float = 0.30


@dataclass(frozen=True, slots=True)
class ExtractivePolicy:
    """How sentences are made, weighed and chosen.

    Chunks and sentences
        chunk_words: of a chunk: wanted, and at most.
        join_across_segments, join_within_ms: a sentence may go on after so many segments of others,
            and after so long a silence of its speaker.
        longest_turn_words: joined pieces are closed here even when no stop came.
        longest_sentence_words: a longer one is cut at a clause.
        embedded_words: shorter sentences mean too little to be embedded.
        stopless_words: captions with fewer stops than one in so many words have them by chance: a pause
            of ``pause_ms`` ends a sentence there. few_words: so few without a stop are one sentence. many_finals,
            ended_share: of so many finals so many end with a stop, or stops are by chance.
        fragment_words: most words of a fragment; join_remark_words: others may say so many before it.

    Summary
        weights: of the features. summary_words: a sentence of the summary has at least so many.
        long_words: see the features.
        opening_share, early_share, ending_share: of the meeting, over which nearness to its
            beginning or end falls to a third.
        most_candidates: the best by their scores alone, which the rest of the choice looks at.
        repeated: taken off for a sentence all of whose content words were chosen already.
        alike: taken off for a cosine of 1 with a chosen sentence.

    Rules: how sure each is, in [0, 1]
        rule_words: fewest and most words of a sentence that they look at.
        decision_content, task_content, question_content: content words that it has at least.
        decided, chosen: "we decided", "let's go with". recapped: what stands behind "so we've worked
            out that", at most ``recap_sentences`` with at most ``recap_remark_words`` of others
            between them; a list that leaves something out. proposed: "shall we", and somebody agreed.
        closing_within, closing_share: "good, so the brewery" names what others said within so many sentences, with so many
            of its content words.
        speech_words: in a speech of more words without a word of others, "we decided" tells of something past.
        accepted_helps: more for a task that was answered with yes. promised, weakly_promised, loosely_promised, wished, offered, asked,
            weakly_asked, named, shared_task, weakly_shared: "I'll send", "I need to", "I'll" with any other verb, "I want to", "I can" or "would you",
            "can you", "you have to", "Anna will", "it has to be sent", "we need to". due_helps: more for a due. asked_plainly, asked_indirectly: with a question mark, "I wonder whether".

    Items
        needed_within: what says too little alone stands with what its speaker said before, at most so many sentences.
        same: of two with at least this cosine one is left out. same_words: in other languages than
            English, of two that share so many of their words.
        repeat_citations: an item that was said several times cites so many of them.
        recalled_share: what is told in so much of a meeting's beginning was mostly decided before it, where the meeting
            has more than recalled_words.
        most_decisions, most_action_items, most_questions: the surest are kept.
        task_threshold, open_threshold: how sure an item must be.
        reply_words: words within which a question is answered, or stays open.
        answer_words, answer_similarity: a reply of so many words is one; so near to the question,
            it answers. unanswered: how open a question is to which nobody replied.

    Withdrawals
        withdrawn_at_once, withdrawn_within, withdrawn_before: words within which "ignore it", "scratch that" and "we
            changed our minds" mean the item before. withdrawn_plainly, withdrawn_alike: an item so much about the
            same, in [0, 1], is meant by these words, and by weaker ones. instead_content: content words of what holds in its
            place. left_out_share: of a decision's content words, what a later one leaves out has so many.

    Topics
        block_words: topics begin at blocks of about so many words; most_blocks: of a long meeting.
        shared: how much of the blocks' mean is taken off each.
        topic_blocks: a topic has at least so many. most_topics: a meeting has no more.
        topic_penalty: a topic must save this share of what one topic for all costs.

    Titles
        title_phrases, title_words: phrases of a title, words of a phrase, at most.
        title_times: phrases that are said less often count for nothing.
        title_length: more for each further word. title_everywhere: what a phrase is worth that is
            not said here alone. title_citations: sentences cited for a phrase.
        fallback_words: of a sentence that stands for a title where no phrase does.
        named_share: of how often one English word, and several, are said, behind a determiner or a preposition at
            least; named_over_done: times as often as like a verb. matter_parts, matter_share: of one word, and of
            several, that a meeting is about: in so many of its eight parts, and so often for each word of it, they are said at least.

    Pauses
        pause_sentences, pause_rows: so many are computed between two pauses.
    """

    chunk_words: tuple[int, int] = (450, 720)
    join_across_segments: int = 3
    join_within_ms: int = 4_000
    longest_turn_words: int = 400
    longest_sentence_words: int = 40
    embedded_words: int = 5
    stopless_words: int = 50
    few_words: int = 20
    many_finals: int = 8
    ended_share: float = 0.2
    pause_ms: int = 400
    fragment_words: int = 6
    join_remark_words: int = 4

    weights: FeatureWeights = FeatureWeights()
    summary_words: int = 8
    long_words: int = 30
    opening_share: float = 0.02
    early_share: float = 0.08
    ending_share: float = 0.03
    most_candidates: int = 150
    repeated: float = 2.0
    alike: float = 1.0

    rule_words: tuple[int, int] = (4, 60)
    decision_content: int = 1
    decided: float = 1.0
    chosen: float = 0.6
    recapped: float = 0.6
    proposed: float = 0.5
    closing_within: int = 10
    closing_share: float = 0.5
    recap_sentences: int = 4
    recap_remark_words: int = 8
    speech_words: int = 200
    accepted_helps: float = 0.2
    task_content: int = 1
    promised: float = 0.7
    weakly_promised: float = 0.5
    loosely_promised: float = 0.3
    wished: float = 0.4
    offered: float = 0.35
    asked: float = 0.7
    weakly_asked: float = 0.2
    named: float = 0.6
    shared_task: float = 0.5
    weakly_shared: float = 0.4
    due_helps: float = 0.3
    question_content: int = 2
    asked_plainly: float = 0.6
    asked_indirectly: float = 0.8

    needed_within: int = 6
    same: float = 0.8
    same_words: float = 0.85
    repeat_citations: int = 4
    recalled_share: float = 0.33
    recalled_words: int = 1_500
    most_decisions: int = 40
    most_action_items: int = 40
    most_questions: int = 8
    task_threshold: float = 0.5
    open_threshold: float = 0.3
    reply_words: int = 150
    answer_words: int = 4
    answer_similarity: float = 0.45
    unanswered: float = 0.5

    withdrawn_at_once: int = 15
    withdrawn_within: int = 150
    withdrawn_before: int = 600
    withdrawn_plainly: float = 0.5
    withdrawn_alike: float = 0.6
    instead_content: int = 2
    left_out_share: float = 0.5

    block_words: int = 40
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
    title_citations: int = 3
    fallback_words: int = 10
    named_share: tuple[float, float] = (0.2, 0.1)
    named_over_done: float = 1.5
    matter_parts: tuple[int, int] = (5, 3)
    matter_share: tuple[float, float] = (0.002, 0.0005)

    pause_sentences: int = 60
    pause_rows: int = 60
