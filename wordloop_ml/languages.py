"""Finds the language that a tag means, and what a model calls it; pure.

Clients name languages by BCP 47 tags (RFC 5646), also with underscores, and by the three-letter codes of
ISO 639; models know them by a single subtag. Inside the service a language is its primary subtag, in lower case:
the code of ISO 639-1 where there is one, else that of ISO 639-3.
"""

import functools
import re
import unicodedata
from collections.abc import Collection

MAX_TAG_CHARS = 64

TAG_PATTERN = "^([Aa][Uu][Tt][Oo]|[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*)$"
"""A language and what follows it: script, region, variants, extensions."""

TAG_RULE = (
    "must be a language tag (BCP 47) that begins with a code of ISO 639, such as en, pt-BR or yue; "
    "or auto"
)

_TAG = re.compile(TAG_PATTERN)

_ANY = frozenset({"auto", "und", "mul"})
"""Tags that leave the language open: undetermined, and several."""

_ISO_639 = """
aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak
be:bel bg:bul bi:bis bm:bam bn:ben bo:bod,tib br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre
cs:ces,cze cu:chu cv:chv cy:cym,wel da:dan de:deu,ger dv:div dz:dzo ee:ewe el:ell,gre en:eng
eo:epo es:spa et:est eu:eus,baq fa:fas,per ff:ful fi:fin fj:fij fo:fao fr:fra,fre fy:fry ga:gle
gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye,arm
hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl,ice it:ita iu:iku ja:jpn jv:jav
ka:kat,geo kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom
kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah
mi:mri,mao mk:mkd,mac ml:mal mn:mon mr:mar ms:msa,may mt:mlt my:mya,bur na:nau nb:nob nd:nde
ne:nep ng:ndo nl:nld,dut nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss
pa:pan pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron,rum ru:rus rw:kin sa:san sc:srd
sd:snd se:sme sg:sag si:sin sk:slk,slo sl:slv sm:smo sn:sna so:som sq:sqi,alb sr:srp ss:ssw
st:sot su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton
tr:tur ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln
wo:wol xh:xho yi:yid yo:yor za:zha zh:zho,chi zu:zul
"""
"""ISO 639-1: ISO 639-3, and where it differs the bibliographic code of ISO 639-2."""

LANGUAGES = frozenset(row[:2] for row in _ISO_639.split())
"""Every language code of ISO 639-1."""

_CODES = {
    longer: row[:2] for row in _ISO_639.split() for longer in row.partition(":")[2].split(",")
}

_SUPERSEDED = {
    # codes that ISO 639 or the registry of BCP 47 has replaced; Whisper still writes jw
    "in": "id",
    "iw": "he",
    "ji": "yi",
    "jw": "jv",
    "mo": "ro",
    "mol": "ro",
    "sh": "sr",
    "hbs": "sr",
    "cnr": "sr",
    "scc": "sr",
    "scr": "hr",
    # the language that a macrolanguage's code means as a rule (CLDR's aliases)
    "als": "sq",
    "arb": "ar",
    "ayr": "ay",
    "azj": "az",
    "cmn": "zh",
    "ekk": "et",
    "fil": "tl",
    "gaz": "om",
    "gug": "gn",
    "ike": "iu",
    "khk": "mn",
    "kmr": "ku",
    "lvs": "lv",
    "npi": "ne",
    "ory": "or",
    "pbu": "ps",
    "pes": "fa",
    "plt": "mg",
    "quz": "qu",
    "swh": "sw",
    "uzn": "uz",
    "ydd": "yi",
    "zsm": "ms",
}

_ALSO_KNOWN_AS = {
    # Whisper's spelling, and an older one
    "jv": "jw",
    "he": "iw",
    # by the macrolanguage, where a model does not know the member apart
    "nb": "no",
    "nn": "no",
    "prs": "fa",
    **dict.fromkeys(("gan", "hak", "hsn", "nan", "wuu", "yue"), "zh"),
    **dict.fromkeys(("acm", "aeb", "afb", "ajp", "apc", "apd", "arq", "ars", "ary", "arz"), "ar"),
}


def language_of(tag: str) -> str | None:
    """Return the language of a tag such as ``pt-BR``; None where it leaves that open (``auto``).

    Upper and lower case, ``-`` and ``_`` mean the same. Raises ``ValueError``, with the rule, for
    what is no tag or begins with two letters that are no language (``jp`` is a country).
    """
    if len(tag) > MAX_TAG_CHARS or not _TAG.fullmatch(tag):
        raise ValueError(TAG_RULE)
    primary, *others = tag.lower().replace("_", "-").split("-")
    if primary in ("ar", "zh") and others and len(others[0]) == 3 and others[0].isalpha():
        primary = others[0]  # an extended language subtag is a language by itself (RFC 5646, 4.5)
    if primary in _ANY:
        return None
    code = standard_code(primary)
    if len(code) == 2 and code not in LANGUAGES:
        raise ValueError(TAG_RULE)
    return code


def standard_code(code: str) -> str:
    """Return the code in use for what this one means: ``jv`` for ``jw`` and for ``jav``."""
    code = _CODES.get(code, code)
    return _SUPERSEDED.get(code, code)


def known_as(language: str, codes: Collection[str]) -> str | None:
    """Return the one of a model's codes that means a language of ``language_of``; None without one."""
    return next(
        (
            one
            for one in (language, _ALSO_KNOWN_AS.get(language))
            if one is not None and one in codes
        ),
        None,
    )


_ENGLISH_NAMES = {
    code: name
    for code, _, name in (
        row.strip().partition(" ")
        for row in [
            "\nen english",
            "zh chinese",
            "de german",
            "es spanish",
            "ru russian",
            "ko korean",
            "fr french",
            "ja japanese",
            "pt portuguese\n",
            "tr turkish",
            "pl polish",
            "ca catalan",
            "nl dutch",
            "ar arabic",
            "sv swedish",
            "it italian",
            "id indonesian",
            "hi hindi\n",
            "fi finnish",
            "vi vietnamese",
            "he hebrew",
            "uk ukrainian",
            "el greek",
            "ms malay",
            "cs czech",
            "ro romanian",
            "da danish\n",
            "hu hungarian",
            "ta tamil",
            "no norwegian",
            "th thai",
            "ur urdu",
            "hr croatian",
            "bg bulgarian",
            "lt lithuanian",
            "la latin\n",
            "mi maori",
            "ml malayalam",
            "cy welsh",
            "sk slovak",
            "te telugu",
            "fa persian",
            "lv latvian",
            "bn bengali",
            "sr serbian\n",
            "az azerbaijani",
            "sl slovenian",
            "kn kannada",
            "et estonian",
            "mk macedonian",
            "br breton",
            "eu basque",
            "is icelandic\n",
            "hy armenian",
            "ne nepali",
            "mn mongolian",
            "bs bosnian",
            "kk kazakh",
            "sq albanian",
            "sw swahili",
            "gl galician\n",
            "mr marathi",
            "pa punjabi",
            "si sinhala",
            "km khmer",
            "sn shona",
            "yo yoruba",
            "so somali",
            "af afrikaans",
            "oc occitan\n",
            "ka georgian",
            "be belarusian",
            "tg tajik",
            "sd sindhi",
            "gu gujarati",
            "am amharic",
            "yi yiddish",
            "lo lao",
            "uz uzbek\n",
            "fo faroese",
            "ht haitian creole",
            "ps pashto",
            "tk turkmen",
            "nn nynorsk",
            "mt maltese",
            "sa sanskrit\n",
            "lb luxembourgish",
            "my myanmar",
            "bo tibetan",
            "tl tagalog",
            "mg malagasy",
            "as assamese",
            "tt tatar",
            "haw hawaiian\n",
            "ln lingala",
            "ha hausa",
            "ba bashkir",
            "jv javanese",
            "su sundanese",
            "yue cantonese\n",
        ]
    )
}
"""What Whisper calls its languages."""

_CODES_OF_NAMES = {name: code for code, name in _ENGLISH_NAMES.items()}


def english_name(code: str) -> str:
    """Return what OpenAI's interface calls a language, ``english`` for ``en``; the code where it has no name."""
    return _ENGLISH_NAMES.get(standard_code(code), code)


def language_named(name: str) -> str | None:
    """Return the code of a language by its English name, in any case; None for no name."""
    return _CODES_OF_NAMES.get(name.strip().lower())


_EAST_ASIAN = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "HALFWIDTH"}
)


def scripts_of(text: str) -> frozenset[str]:
    """Return the scripts of a text's letters, such as ``LATIN``: the first words of their names in Unicode.

    Ideographs and kana are one, ``CJK``.
    """
    return frozenset(_script_of(character) for character in set(text) if character.isalpha())


@functools.lru_cache(maxsize=4_096)
def _script_of(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0]
    return "CJK" if name in _EAST_ASIAN else name
