"""Words as one would write them, and the languages they are of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wordloop_ml.synthesis.extractive.words import (
    as_statement,
    bare,
    content_of,
    language_of,
    stop_words,
    without_fillers,
    words_of,
)

SAID = {
    "en": "So I think we should move the launch to April because the database isn't ready and Ben "
    "needs more time for the tests.",
    "de": "Also wir haben beschlossen, den Start der App auf den April zu verschieben, weil die "
    "Datenbank noch nicht fertig ist.",
    "fr": "Nous avons décidé de reporter le lancement de l'application au mois d'avril, parce que "
    "la base de données n'est pas prête.",
    "es": "Hemos decidido mover el lanzamiento de la aplicación a abril porque la base de datos no "
    "está lista y el equipo necesita más tiempo.",
    "it": "Abbiamo deciso di spostare il lancio dell'applicazione ad aprile perché la base di dati "
    "non è pronta e la squadra ha bisogno di tempo.",
    "pt": "Decidimos mudar o lançamento da aplicação para abril porque a base de dados não está "
    "pronta e a equipa precisa de mais tempo.",
    "nl": "We hebben besloten om de lancering van de app naar april te verplaatsen omdat de "
    "database nog niet klaar is.",
    "sv": "Vi har bestämt att flytta lanseringen av appen till april eftersom databasen inte är "
    "klar och laget behöver mer tid.",
    "pl": "Postanowiliśmy przesunąć premierę aplikacji na kwiecień, ponieważ baza danych nie jest "
    "jeszcze gotowa, a zespół potrzebuje więcej czasu.",
    "ru": "Мы решили перенести запуск приложения на апрель, потому что база данных ещё не готова, "
    "и команде нужно больше времени.",
    "tr": "Uygulamanın lansmanını nisan ayına ertelemeye karar verdik çünkü veritabanı henüz hazır "
    "değil ve ekibin daha çok zamana ihtiyacı var.",
    "ar": "قررنا تأجيل إطلاق التطبيق إلى شهر أبريل لأن قاعدة البيانات ليست جاهزة بعد والفريق يحتاج "
    "إلى مزيد من الوقت.",
    "hi": "हमने ऐप का लॉन्च अप्रैल में करने का फैसला किया है क्योंकि डेटाबेस अभी तैयार नहीं है और टीम को समय चाहिए।",
    "ja": "データベースがまだ準備できていないので、アプリの発売を四月に延期することに決めました。",
    "zh": "我们决定把应用程序的发布推迟到四月，因为数据库还没有准备好，团队需要更多的时间。",
    "ko": "데이터베이스가 아직 준비되지 않았기 때문에 앱 출시를 4월로 미루기로 결정했습니다.",
}


@pytest.mark.parametrize("language", SAID)
def test_words_tell_the_language(language: str) -> None:
    """One sentence is enough."""
    assert language_of([SAID[language]]) == language


@pytest.mark.parametrize("text", ["", "Okay. Yes.", "xyzzy plugh " * 20, "1 2 3 " * 20])
def test_what_tells_nothing_has_no_language(text: str) -> None:
    """Rather than any."""
    assert language_of([text]) is None


def test_unknown_languages_have_the_stop_words_of_all() -> None:
    """And those known have theirs."""
    assert stop_words(None) == stop_words("xx") >= stop_words("de") | stop_words("fr")
    assert {"der", "auf", "und"} <= stop_words("de")
    assert "nous" not in stop_words("de")


@pytest.mark.parametrize(
    ("word", "language", "left"),
    [
        ("l'équipe", "fr", "équipe"),
        ("qu’elle", "fr", "elle"),
        ("aujourd'hui", "fr", "aujourd'hui"),
        ("dell'applicazione", "it", "applicazione"),
        ("데이터베이스가", "ko", "데이터베이스"),
        ("회의", "ko", "회의"),
        ("don't", "en", "don't"),
    ],
)
def test_little_words_come_off(word: str, language: str, left: str) -> None:
    """Those that are written together with another."""
    assert bare(word, language) == left


@pytest.mark.parametrize(
    ("language", "some", "none"),
    [
        ("de", {"start", "datenbank", "april"}, {"den", "auf", "wir", "und"}),
        ("fr", {"lancement", "application", "avril"}, {"nous", "l'application", "au"}),
        ("ja", {"データベース", "準備", "四月", "延期"}, {"こと", "した"}),
        ("ko", {"데이터베이스"}, {"결정했습니다", "때문에"}),
    ],
)
def test_content_is_what_it_is_about(language: str, some: set[str], none: set[str]) -> None:
    """In any language."""
    content = set(content_of(SAID[language], language))
    assert some <= content
    assert not none & content


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Um, so we, uh, need a budget.", "so we, need a budget."),
        ("the the budget is is fine", "the budget is fine"),
        ("we should we should go", "we should go"),
        ("It is, you know, done.", "It is, done."),
        ("I had had enough", "I had had enough"),
        ("uh hmm", ""),
        ("duplication of effort, and hmm?", "duplication of effort, and"),
    ],
)
def test_fillers_and_stammers_go(said: str, written: str) -> None:
    """What carries no meaning is taken away, the rest stays as it was said."""
    assert without_fillers(said) == written


@pytest.mark.parametrize(
    ("said", "statement"),
    [
        ("and so, the budget is fine, and", "The budget is fine."),
        ("okay, who pays?", "Who pays?"),
        ("so", ""),
        ("", ""),
        ("?", ""),
    ],
)
def test_a_statement_stands_alone(said: str, statement: str) -> None:
    """It opens with a capital and ends with a stop, or is empty."""
    assert as_statement(said) == statement


@given(st.text(alphabet="ab um,. ?you know", max_size=60))
def test_cleaning_only_takes_away(said: str) -> None:
    """Every word of the result was said."""
    assert set(words_of(as_statement(without_fillers(said)))) <= set(words_of(said))


def test_content_words_are_what_a_text_is_about() -> None:
    """Function words and empty words of talk are left out."""
    assert content_of("I think we really need the marketing budget") == ["marketing", "budget"]
