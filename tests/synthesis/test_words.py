"""Words, counted and compared, and the languages they are of."""

import pytest

from wordloop_ml.synthesis.words import (
    bare,
    content_of,
    content_stems,
    content_words,
    count_words,
    language_of,
    stems,
    stop_words,
    tokens,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("Good morning, all.", 3), ("会議を始めます", 3), ("안녕 여러분", 2)],
)
def test_words_are_counted_in_scripts_with_and_without_blanks(text: str, words: int) -> None:
    """Roughly, where there are none."""
    assert count_words(text) == pytest.approx(words, abs=1)


def test_tokens_have_no_punctuation() -> None:
    """But the apostrophe inside them; ideographs stand alone."""
    assert tokens("It’s 5 o'clock -- we're OK!") == ["it's", "5", "o'clock", "we're", "ok"]
    assert tokens("会議A") == ["会", "議", "a"]


def test_function_words_say_nothing() -> None:
    """What is left is what a text is about."""
    assert content_words(tokens("We will send the report")) == ["send", "report"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("send the reports", "sending a report"),
        ("we decided", "to decide"),
        ("Ada's plan", "Ada planning"),
        ("stories", "a story"),
        ("the call", "calling, called"),
    ],
)
def test_endings_do_not_matter(one: str, other: str) -> None:
    """Roughly, as stemmers are."""
    assert content_stems(tokens(one)) == content_stems(tokens(other))


def test_short_words_keep_what_looks_like_an_ending() -> None:
    """For there would be too little left of them."""
    assert stems(["thing", "bus", "red"]) == {"thing", "bus", "red"}


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


def test_content_words_are_what_a_text_is_about() -> None:
    """Function words and empty words of talk are left out."""
    assert content_of("I think we really need the marketing budget") == ["marketing", "budget"]
