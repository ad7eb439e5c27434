"""Finds whose a task is, and whether it was taken on, refused, or handed on to another; pure.

A promise is its speaker's, unless another says "I'll do it" at once. What is asked for is for who is named, in the sentence
or the one before it, else for who answers yes at once, else for the other one of two. "No" takes the task away,
unless another takes it on soon after. Where all voices are one track, a promise has no owner.
"""

from dataclasses import replace

from wordloop_ml.synthesis.extractive.dues import due_in
from wordloop_ml.synthesis.extractive.lexicon import answer_words, task_words
from wordloop_ml.synthesis.extractive.notes import Gathered
from wordloop_ml.synthesis.extractive.plain_text import plainly
from wordloop_ml.synthesis.extractive.policy import ExtractivePolicy
from wordloop_ml.synthesis.extractive.tasks import Task, TaskKind, addressed_in
from wordloop_ml.synthesis.words import content_of, stem, stems, tokens


def settled_tasks(
    meeting: Gathered, gone: frozenset[int], policy: ExtractivePolicy
) -> dict[int, Task]:
    """The tasks by the index of their sentence, with owners, surer where somebody accepted; without those refused or gone.

    A yes that says the task again ("Yes, I'll send it") is no other task.
    """
    owners = _Owners(meeting, policy)
    tasks = {
        at: settled
        for at, task in meeting.tasks
        if at not in gone and (settled := owners.settled(at, task)) is not None
    }
    said_again = {
        task.reply
        for at, task in tasks.items()
        if task.reply is not None
        and stems(content_of(meeting.sentences[task.reply].text))
        <= stems(content_of(meeting.sentences[at].text))
    }
    return {at: task for at, task in tasks.items() if at not in said_again}


def one_voice(meeting: Gathered) -> bool:
    """Whether nothing tells the voices apart: one track, and nobody said whose."""
    named = any(segment.speaker is not None for segment in meeting.transcript.segments)
    return not named and len({one.voice for one in meeting.sentences}) < 2


_TWO = 2
_SOON = 4
"""Sentences within which the other one of two answers, or another takes a task on."""


class _Owners:
    """Who is meant by names, roles and "you" in one meeting."""

    def __init__(self, meeting: Gathered, policy: ExtractivePolicy) -> None:
        self._meeting = meeting
        self._policy = policy
        self._alone = one_voice(meeting)
        self._voices = {one.voice: frozenset(tokens(one.voice)) for one in meeting.sentences}

    def settled(self, at: int, task: Task) -> Task | None:
        """The task with its owner; None where it is nobody's, or was refused."""
        answer = self._answer(at)
        if answer is not None and answer_words.WAVED_OFF.search(self._said(answer)):
            return None
        if task.to_you and task.owner is None and not task.many:
            task = replace(task, owner=self._called_before(at))
        owner = self._owner(task)
        if owner is None and task.a_voice and task.kind is TaskKind.NAMED:
            return None
        if self._alone or task.kind is TaskKind.SHARED:
            return replace(task, owner=owner)
        taken = self._taken_over(at, answer, owner) if answer is not None else None
        if taken is not None:
            voice = self._meeting.sentences[taken].voice
            return replace(self._accepted(task), owner=voice, reply=taken)
        if task.kind not in (TaskKind.ASKED, TaskKind.OFFERED):
            return replace(task, owner=owner)
        return self._answered(at, task, answer, owner)

    def _answered(self, at: int, task: Task, answer: int | None, owner: str | None) -> Task | None:
        """What was asked or offered, once the next voice has spoken."""
        accepted = False
        if answer is not None and not self._calls_another(answer, at):
            said = self._said(answer)
            if answer_words.REFUSES.search(said):
                return None
            # "the components" is as good as "yes"
            accepted = answer_words.AGREES.search(said) is not None or (
                bool(stems(content_of(said)) & stems(content_of(self._said(at))))
                if task.kind is TaskKind.ASKED
                else answer_words.THANKS.search(said) is not None
            )
            if accepted:
                # "can you write it?" "sure, by Monday"
                due = task.due if task.due is not None else self._due(answer)
                task = replace(self._accepted(task), due=due)
        reply = None
        if task.to_you and owner is None and not task.many and task.owner is None:
            reply = answer if accepted else self._the_other(at)
            owner = None if reply is None else self._meeting.sentences[reply].voice
        elif accepted and answer is not None and self._meeting.sentences[answer].voice == owner:
            reply = answer  # cited, too
        return replace(task, owner=owner, reply=reply)

    def _due(self, answer: int) -> str | None:
        """When who accepts it says that it will be done: "Sure. You'll have it on Monday"."""
        sentences = self._meeting.sentences
        own = [at for at in (answer, answer + 1) if at < len(sentences)]
        said = (self._said(at) for at in own if sentences[at].voice == sentences[answer].voice)
        return next((due for text in said if (due := due_in(text)) is not None), None)

    def _said(self, at: int) -> str:
        return plainly(self._meeting.sentences[at].text)

    def _accepted(self, task: Task) -> Task:
        return replace(task, sure=min(1.0, task.sure + self._policy.accepted_helps))

    def _owner(self, task: Task) -> str | None:
        """The voice, role or name whose task it is, as far as the sentence tells."""
        if task.owner is None or (
            self._alone and task.kind in (TaskKind.PROMISED, TaskKind.OFFERED)
        ):
            return None
        voice = self._voice_of(task.owner)
        if voice is not None or not task.a_voice:
            return voice or task.owner
        role = self._several(task.owner) or task_words.ROLE.search(task.owner)
        return f"the {task.owner}" if role else None

    def _voice_of(self, name: str) -> str | None:
        """From a name or role that was said to the voice that bears it, where exactly one does.

        "Bo" is Bo Ray, the "Marketing Expert" Marketing.
        """
        if name in self._voices:
            return name
        said = frozenset(tokens(name))
        known = [
            voice
            for voice, own in self._voices.items()
            if own and said and (said <= own or own <= said)
        ]
        return known[0] if len(known) == 1 else None

    def _several(self, role: str) -> bool:
        """Whether "two designers" are some of the meeting's voices."""
        last = role.rsplit(maxsplit=1)[-1].lower()
        voices = {word for own in self._voices.values() for word in own}
        return last.endswith("s") and last[:-1] in voices

    def _called_before(self, at: int) -> str | None:
        """The voice that the sentence before calls by name: "Ben, the contract is late. Can you send it?"."""
        sentences = self._meeting.sentences
        if not at or sentences[at - 1].voice != sentences[at].voice:
            return None
        return self._called(at - 1, sentences[at].voice)

    def _calls_another(self, answer: int, at: int) -> bool:
        """Whether who speaks next hands it on by name: "Yes, Ben, please do that"."""
        return self._called(answer, self._meeting.sentences[at].voice) is not None

    def _called(self, at: int, speaker: str) -> str | None:
        """The voice that a sentence calls by name, if it is not this speaker."""
        called = addressed_in(self._said(at))
        voice = self._voice_of(called) if called is not None else None
        return None if voice == speaker else voice

    def _taken_over(self, at: int, answer: int, owner: str | None) -> int | None:
        """Where another voice takes on what was asked of the owner, or promised: at once, or once it was refused."""
        sentences = self._meeting.sentences
        if self._takes_over(answer, at):
            # an owner who is no voice may be the one who answers, under another name
            known = owner in self._voices or (
                owner is not None and owner.lower() in tokens(self._said(answer))
            )
            return answer if known and sentences[answer].voice != owner else None
        if not answer_words.REFUSES.search(self._said(answer)):
            return None
        asker = None
        for later in range(answer + 1, min(len(sentences), answer + 1 + _SOON)):
            voice, said = sentences[later].voice, self._said(later)
            if voice == sentences[answer].voice:
                continue
            accepted = asker not in (None, voice) and answer_words.AGREES.search(said)
            if accepted or self._takes_over(later, at):
                return later
            if answer_words.ASKED_ON.search(said):
                asker = voice
        return None

    def _takes_over(self, answer: int, at: int) -> bool:
        """Whether an answer takes the task on: "I'll do it", and "I'll check it" where checking is the task."""
        found = answer_words.TAKES_OVER.search(self._said(answer))
        deed = found["deed"] if found is not None else None
        return found is not None and (
            deed is None or stem(deed.lower()) in stems(tokens(self._said(at)))
        )

    def _answer(self, at: int) -> int | None:
        """Where another voice speaks next, once it was asked; a sentence may go on after a remark on its beginning."""
        meeting, sentences = self._meeting, self._meeting.sentences
        begin, end = int(meeting.first[at]), int(meeting.last[at])
        asked = (
            position
            for position in range(begin, end)
            if task_words.REQUEST.search(plainly(meeting.transcript.segments[position].text))
        )
        since = next(asked, end)
        later = range(at + 1, len(sentences))
        here = next((one for one in later if meeting.first[one] > since), None)
        return here if here is not None and sentences[here].voice != sentences[at].voice else None

    def _the_other(self, at: int) -> int | None:
        """Where the other one of two speaks next, if they do so soon."""
        sentences = self._meeting.sentences
        if len(self._voices) != _TWO:
            return None
        soon = range(at + 1, min(len(sentences), at + 1 + _SOON))
        return next((here for here in soon if sentences[here].voice != sentences[at].voice), None)
