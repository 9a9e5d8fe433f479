"""Value grammars: a function for every type of value a field can have.

A grammar takes the row's Draw and returns its value: a string, or a tuple of parts where a part (type, string) is a value inside
the value, such as the city in an address. What belongs together in one row (style of dates and currency, the prices a total adds
up, the person an e-mail address belongs to) is kept in the Draw.
"""
import datetime
import re
import string
import unicodedata

from . import patterns
from . import words as w

TODAY = datetime.date(2025, 6, 15)
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
BRACES = re.compile(r"\{(.+?)\}")
PARSED = {}   # pattern: its literal text and the functions that fill it
TYPES = {}


class Type:
    """A grammar; is_a: the general fields its values also belong to; blocks: those it makes doubtful; verbatim: never re-cased."""

    def __init__(self, make, is_a, blocks, verbatim):
        self.make = make
        self.is_a = is_a
        self.blocks = blocks
        self.verbatim = verbatim


def value(name, is_a="", blocks="", verbatim=False):
    def register(make):
        TYPES[name] = Type(make, tuple(is_a.split()), tuple(blocks.split()), verbatim)
        return make
    return register


class Draw:
    """The random choices of one row."""

    def __init__(self, rng):
        self.random = rng.random
        self.people = {}      # full name: (first, last)
        self.last_person = None
        self.prices = []
        self.subtotal = self.tax = self.total = self.paid = None
        self.currency = self.pick(CURRENCIES)
        self.bare_money = self.chance(0.25)
        self.comma = self.currency in COMMA_CURRENCIES and self.chance(0.5)
        self.date_style = self.pick(DATE_STYLES)
        self.time_style = self.pick(TIME_STYLES)
        self.company_mark = None

    def pick(self, items):
        return items[int(self.random() * len(items))]

    def chance(self, p):
        return self.random() < p

    def between(self, low, high):
        return low + int(self.random() * (high - low + 1))

    def digits(self, n):
        return "".join([string.digits[int(self.random() * 10)] for _ in range(n)])

    def letters(self, n):
        return "".join([string.ascii_uppercase[int(self.random() * 26)] for _ in range(n)])

    def fill(self, pattern):
        """A pattern of patterns.py with its braces filled."""
        parts = PARSED.get(pattern)
        if parts is None:
            parts = PARSED[pattern] = [piece if i % 2 == 0 else filler(piece) for i, piece in enumerate(BRACES.split(pattern))]
        return "".join([part if isinstance(part, str) else part(self) for part in parts])

    def shape(self, pattern):
        """# is a digit, @ an upper-case letter, % one of both."""
        out = []
        for char in pattern:
            if char == "#":
                char = self.digits(1)
            elif char == "@":
                char = self.letters(1)
            elif char == "%":
                char = self.digits(1) if self.chance(0.5) else self.letters(1)
            out.append(char)
        return "".join(out)


def plain(text):
    """ASCII letters and digits of a name, for addresses on the net."""
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "".join([char for char in text if char.isalnum()])


def coined(d):
    """A name nobody has heard."""
    kind = d.random()
    if kind < 0.45:
        first, middle, last = w.SYLLABLES
        return d.pick(first) + d.pick(middle) + (d.pick(last) if d.chance(0.6) else "")
    if kind < 0.75:
        return "".join([d.pick(w.ONSETS) + d.pick("aeiou") for _ in range(d.between(2, 3))]).capitalize() + d.pick(["", "", "n", "x", "s", "r", "m"])
    if kind < 0.9:
        return d.pick(w.NAME_STARTS) + d.pick([str.lower, str])(d.pick(w.NAME_ENDS))
    return d.pick(w.NOUNS) + d.pick(["ly", "ify", "io", "ster", "able", "er", "ist", "oo", "Hub", "Go", "ery"])


def any_first(d):
    return d.pick(d.pick(w.NAMES)[0])


def any_last(d):
    return d.pick(d.pick(w.NAMES)[1])


FILLERS = {
    "city": lambda d: d.pick(w.CITIES), "noun": lambda d: d.pick(w.NOUNS), "nouns": lambda d: d.pick(w.NOUNS).rstrip("s") + "s",
    "adj": lambda d: d.pick(w.ADJECTIVES), "first": any_first, "last": any_last, "coined": coined,
    "t": lambda d: d.pick(w.TITLE_WORDS), "n": lambda d: str(d.between(1, 40)), "day": lambda d: d.pick(DAYS), "domain": lambda d: domain(d),
    "word": lambda d: d.pick(w.NOUNS).lower(), "thing": lambda d: d.pick(w.TITLE_WORDS).lower(), "login": lambda d: plain(any_first(d)),
    "machine": lambda d: d.pick(["web", "db", "app", "mail", "cache", "build", "lb", "node"]),
}


def filler(key):
    """The function that fills a pair of braces."""
    if key in FILLERS:
        return FILLERS[key]
    low, _, high = key.partition("-")
    if low.isdigit() and high.isdigit():
        return lambda d: str(d.between(int(low), int(high)))
    if low in NUMBERS:
        words = NUMBERS[NUMBERS.index(low):NUMBERS.index(high) + 1]
        return lambda d: d.pick(words)
    return lambda d: d.shape(key)


def listed(name, items, is_a="", blocks="", verbatim=False):
    """A type whose values are the items of a word list."""
    value(name, is_a, blocks, verbatim)(lambda d: d.fill(d.pick(items)))


def shaped(name, patterns, is_a="", blocks=""):
    """A type whose values follow patterns of digits and letters, divided by |."""
    patterns = patterns.split("|")
    value(name, is_a, blocks, verbatim=True)(lambda d: d.shape(d.pick(patterns)))


for _name, (_is_a, _blocks, _patterns) in patterns.VERBATIM.items():
    listed(_name, _patterns.split(" | "), _is_a, _blocks, verbatim=True)
for _name, (_is_a, _blocks, _patterns) in patterns.FREE.items():
    listed(_name, _patterns.split(" | "), _is_a, _blocks)


# ---- people ----

def remember(d, first, last, full):
    d.people[full] = (first, last)
    d.last_person = (first, last)
    return full


@value("person", "person")
def person(d):
    names = d.pick(w.NAMES)
    first = d.pick(names[0])
    last = d.pick(names[1]) if d.chance(0.9) else any_last(d)
    r = d.random()
    if r < 0.08:
        full = f"{first} {d.letters(1)}. {last}"
    elif r < 0.09:
        full = f"{first}-{d.pick(names[0])} {last}"
    elif r < 0.12:
        full = f"{first} {last}-{any_last(d)}"
    elif r < 0.15:
        full = f"{first[0]}. {last}"
    elif r < 0.16:
        full = f"{last}, {first}"
    else:
        full = f"{first} {last}"
    return remember(d, first, last, full)


@value("person_chat", "person")
def person_chat(d):
    """A person as people name each other."""
    if d.chance(0.45):
        first = any_first(d)
        return remember(d, first, any_last(d), first)
    return person(d)


@value("famous", "person")
def famous(d):
    if d.chance(0.4):
        return d.pick(w.FAMOUS)
    return person_chat(d)


@value("doctor", "person")
def doctor(d):
    last = any_last(d)
    first = any_first(d)
    return remember(d, first, last, d.pick([f"Dr. {last}", f"Dr {last}", f"Dr. {first} {last}", f"Prof. {last}", f"{first} {last}"]))


@value("username", "username", verbatim=True)
def username(d):
    if d.last_person and d.chance(0.5):
        first, last = map(plain, d.last_person)
    else:
        first, last = plain(any_first(d)), plain(any_last(d))
    noun = d.pick(w.NOUNS).lower()
    return d.pick([first[:1] + last, f"{first}.{last}", first + d.digits(2), f"{noun}_{first}", f"svc-{noun}", f"{last}{first[:1]}", f"{noun}{d.digits(3)}", f"u{d.digits(5)}"])


@value("handle", "handle", verbatim=True)
def handle(d):
    return "@" + username(d).replace(".", "_").replace("-", "")


@value("hashtag", "hashtag", verbatim=True)
def hashtag(d):
    kind = d.random()
    if kind < 0.4:
        return "#" + d.pick(w.NOUNS) + d.pick(["", "Fest", "2025", "Run", "Day"])
    if kind < 0.7:
        return "#" + d.pick(w.CITIES).replace(" ", "").replace(".", "")
    return "#" + d.pick(w.TITLE_WORDS).lower() + d.pick(w.NOUNS).lower()


# ---- organizations ----

@value("company", "organization company")
def company(d):
    r = d.random()
    if r < 0.3:
        name = f"{d.pick(w.NOUNS)} {d.pick(w.INDUSTRIES)}"
    elif r < 0.5:
        name = coined(d)
    elif r < 0.6:
        name = f"{coined(d)} {d.pick(w.INDUSTRIES)}"
    elif r < 0.7:
        name = f"{any_last(d)} {d.pick(['& Sons', '& Co', 'Brothers', d.pick(w.INDUSTRIES), d.pick(w.INDUSTRIES), '& ' + any_last(d)])}"
    elif r < 0.76:
        name = d.letters(d.between(2, 4))
    elif r < 0.84:
        name = f"{d.pick(w.CITIES)} {d.pick(w.INDUSTRIES)}"
    elif r < 0.92:
        name = f"{d.pick(w.ADJECTIVES)} {d.pick(w.NOUNS)} {d.pick(w.INDUSTRIES)}"
    elif r < 0.95:
        name = f"{d.pick(w.TITLE_WORDS)} {d.pick(['&', 'and', 'of'])} {d.pick(w.NOUNS)}"
    else:
        name = f"{any_last(d)}, {any_last(d)} & {any_last(d)}"
    if d.chance(0.4):
        name += " " + d.pick(w.SUFFIXES)
    d.company_mark = plain(name.split(" ")[0])
    return name


@value("known_company", "organization company")
def known_company(d):
    return d.pick(w.COMPANIES) if d.chance(0.5) else company(d)


@value("company_formal", "organization company")
def company_formal(d):
    name = company(d)
    return name if name.endswith(tuple(w.SUFFIXES)) else f"{name} {d.pick(w.SUFFIXES)}"


@value("brand", "brand", blocks="organization company")
def brand(d):
    return d.pick([coined, coined, any_last, FILLERS["noun"]])(d)


for _name, _items, _is_a, _blocks in [
        ("agency", w.AGENCIES, "organization", "company"), ("school", w.SCHOOLS, "organization school", "company location city"),
        ("team", w.TEAMS, "organization team group", "company city location"), ("bank", w.BANKS, "organization bank", "company city location"),
        ("band", w.BANDS, "band group", "organization person company"), ("restaurant", w.RESTAURANTS, "", "organization company location person"),
        ("hotel", w.HOTELS, "", "organization company location city person"), ("hospital", w.HOSPITALS, "", "organization company location city person"),
        ("venue", w.VENUES, "", "organization company location city person"), ("airline", w.AIRLINES, "organization company", "city"),
        ("carrier", w.CARRIERS, "", "organization company"), ("streamer", w.STREAMERS, "", "organization company product"),
        ("department", w.DEPARTMENTS, "department", "organization team")]:
    listed(_name, _items, _is_a, _blocks)


@value("shop", "", blocks="organization company person location city")
def shop(d):
    return company(d) if d.chance(0.4) else d.fill(d.pick(w.SHOPS))


@value("artist", "", blocks="person organization company band group")
def artist(d):
    return person(d) if d.chance(0.5) else d.fill(d.pick(w.BANDS))


# ---- places ----

@value("city", "city location")
def city(d):
    return d.pick(w.CITIES) if d.chance(0.85) else d.pick(w.TOWNS)


listed("country", w.COUNTRIES, "country location")
listed("region", w.REGIONS, "region location")
listed("landmark", w.LANDMARKS, "", "location organization company")


@value("place", "location", blocks="city country region")
def place(d):
    return d.pick(d.pick([w.CITIES, w.CITIES, w.COUNTRIES, w.REGIONS, w.TOWNS]))


@value("spot", "", blocks="location city address street")
def spot(d):
    """Where a ride starts or ends."""
    return d.pick([city, street, FILLERS["city"], lambda d: d.pick(w.LANDMARKS), lambda d: d.fill(d.pick(w.VENUES))])(d)


@value("street", "street", blocks="location")
def street(d):
    number = d.between(1, 240)
    r = d.random()
    if r < 0.3:
        road = d.pick(w.FOREIGN_STREETS)
        return f"{road} {number}" if d.chance(0.7) else f"{number} {road}"
    road = f"{d.pick(w.STREET_STEMS)} {d.pick(w.STREET_KINDS)}"
    if r < 0.4:
        return f"{d.pick(['Unit', 'Suite', 'Flat', 'No.', 'Lot', 'Apt'])} {d.between(1, 40)}, {number} {road}"
    if r < 0.45:
        return f"{number}{d.pick('abc')} {road}"
    return f"{number} {road}"


shaped("postcode", "#####|#####|@@# #@@|@@## #@@|@#@ #@@|#### @@|####|######", "postcode")


@value("address", "address", blocks="location organization")
def address(d):
    road, town, code = ("street", street(d)), ("city", city(d)), ("postcode", TYPES["postcode"].make(d))
    r = d.random()
    if r < 0.3:
        return (road, ", ", code, " ", town)
    if r < 0.5:
        return (road, ", ", town, " ", code)
    if r < 0.65:
        return (road, ", ", town, f", {d.pick(w.STATES)} ", code)
    if r < 0.8:
        return (road, ", ", town)
    return (road, ", ", code, " ", town, ", ", ("country", d.pick(w.COUNTRIES).replace("the ", "")))


@value("address_block", "address", blocks="location organization")
def address_block(d):
    """An address on lines of its own."""
    return tuple(part.replace(", ", d.pick(["\n", "\n", ", "])) if isinstance(part, str) else part for part in address(d))


# ---- dates and times ----

def ordinal(n):
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


DATE_STYLES = [
    lambda t: t.isoformat(), lambda t: t.strftime("%d/%m/%Y"), lambda t: t.strftime("%d.%m.%Y"), lambda t: t.strftime("%m/%d/%y"),
    lambda t: f"{t.day} {MONTHS[t.month - 1]} {t.year}", lambda t: f"{MONTHS[t.month - 1]} {t.day}, {t.year}",
    lambda t: f"{t.day} {MONTHS[t.month - 1][:3]} {t.year}", lambda t: f"{MONTHS[t.month - 1][:3]} {t.day}, {t.year}",
    lambda t: f"{t.day}-{MONTHS[t.month - 1][:3]}-{t.year}", lambda t: f"{t.day}.{t.month}.{t.year % 100:02}", lambda t: t.strftime("%d-%m-%Y"),
    lambda t: f"{ordinal(t.day)} {MONTHS[t.month - 1]} {t.year}", lambda t: f"{DAYS[t.weekday()]}, {t.day} {MONTHS[t.month - 1]} {t.year}",
    lambda t: f"{t.day}/{t.month}/{t.year}", lambda t: t.strftime("%Y/%m/%d"), lambda t: t.strftime("%d %b %y").upper(), lambda t: t.strftime("%Y%m%d"),
    lambda t: t.strftime("%d/%m/%y"), lambda t: t.strftime("%d-%m-%y"), lambda t: t.strftime("%y-%m-%d"), lambda t: t.strftime("%Y.%m.%d"),
    lambda t: t.strftime("%d %b %Y").upper(), lambda t: t.strftime("%d-%b-%y").upper(),
]
SPOKEN_STYLES = [
    lambda t: f"{MONTHS[t.month - 1]} {t.day}", lambda t: f"{MONTHS[t.month - 1]} {ordinal(t.day)}", lambda t: f"the {ordinal(t.day)} of {MONTHS[t.month - 1]}",
    lambda t: f"{ordinal(t.day)} of {MONTHS[t.month - 1]}", lambda t: f"{t.day} {MONTHS[t.month - 1]}", lambda t: f"{MONTHS[t.month - 1][:3]} {ordinal(t.day)}",
    lambda t: f"{DAYS[t.weekday()]} the {ordinal(t.day)}", lambda t: f"the {ordinal(t.day)}", lambda t: f"{t.day}/{t.month}", lambda t: f"{t.day}.{t.month}.",
    lambda t: f"{DAYS[t.weekday()]} {t.day} {MONTHS[t.month - 1]}", lambda t: f"{DAYS[t.weekday()][:3]} {t.day} {MONTHS[t.month - 1][:3]}",
]


def some_day(d, low, high):
    return TODAY + datetime.timedelta(days=d.between(low, high))


def written(d, day):
    style = d.date_style if d.chance(0.85) else d.pick(DATE_STYLES)
    return style(day)


def day_name(d):
    return d.pick(DAYS) if d.chance(0.85) else d.pick(DAYS)[:3]


@value("date", "date", verbatim=True)
def date(d):
    """A date as documents write it."""
    return written(d, some_day(d, -900, 300))


@value("date_past", "date")
def date_past(d):
    r = d.random()
    if r < 0.4:
        return d.pick(SPOKEN_STYLES)(some_day(d, -120, -1))
    if r < 0.65:
        return written(d, some_day(d, -400, -1))
    if r < 0.75:
        return "yesterday"
    if r < 0.9:
        return f"last {day_name(d)}"
    return d.pick([
        "last week", f"{d.pick(NUMBERS[2:7])} days ago", f"{d.between(2, 12)} days ago", "last month", "the day before yesterday", day_name(d),
        "two weeks ago", "last night", "this morning"
    ])


@value("date_future", "date")
def date_future(d):
    r = d.random()
    if r < 0.4:
        return d.pick(SPOKEN_STYLES)(some_day(d, 1, 200))
    if r < 0.5:
        return written(d, some_day(d, 1, 300))
    if r < 0.6:
        return d.pick(["tomorrow", "today", "the day after tomorrow", "tonight", "this weekend", "next week", "end of the month", "tomorrow morning", "tomorrow evening", "next month"])
    if r < 0.8:
        return f"{d.pick(['next', 'this', 'next', 'coming'])} {day_name(d)}"
    return day_name(d)


@value("birth_date", "date", verbatim=True)
def birth_date(d):
    return written(d, some_day(d, -29000, -7000))


@value("expiry", "", blocks="date", verbatim=True)
def expiry(d):
    return f"{d.between(1, 12):02}/{d.between(25, 31)}" if d.chance(0.7) else f"{d.between(1, 12):02}/20{d.between(25, 31)}"


@value("year", "", blocks="date", verbatim=True)
def year(d):
    return str(d.between(1975, 2026))


@value("period", "", blocks="date duration")
def period(d):
    start = d.between(2001, 2022)
    first, second = d.pick(MONTHS), d.pick(MONTHS)
    return d.pick([f"{start} - {start + d.between(1, 8)}", f"{start}-{start + d.between(1, 8)}", f"{first} {start} to {second} {start + d.between(1, 5)}", f"{start}",
                   f"{first[:3]} {start} – {second[:3]} {start + d.between(1, 5)}", f"{start} to present", f"{d.between(1, 12):02}/{start} - {d.between(1, 12):02}/{start + d.between(1, 6)}",
                   f"Q{d.between(1, 4)} {start}", f"{first} {start}"])


TIME_STYLES = [
    lambda h, m: f"{h:02}:{m:02}", lambda h, m: f"{(h - 1) % 12 + 1}:{m:02} {'am' if h < 12 else 'pm'}", lambda h, m: f"{(h - 1) % 12 + 1}:{m:02}{'am' if h < 12 else 'pm'}",
    lambda h, m: f"{(h - 1) % 12 + 1}{'am' if h < 12 else 'pm'}", lambda h, m: f"{(h - 1) % 12 + 1}:{m:02} {'AM' if h < 12 else 'PM'}", lambda h, m: f"{(h - 1) % 12 + 1}.{m:02}",
    lambda h, m: f"{h:02}{m:02} hrs", lambda h, m: f"{(h - 1) % 12 + 1} o'clock", lambda h, m: f"{(h - 1) % 12 + 1} {'a.m.' if h < 12 else 'p.m.'}", lambda h, m: f"{h}h{m:02}",
]
SPOKEN_TIMES = ["noon", "midnight", "half past {h}", "quarter to {h}", "quarter past {h}", "{h} in the evening", "{h} in the morning", "{h} thirty", "lunchtime", "ten past {h}"]


@value("time", "time")
def time(d):
    if d.chance(0.13):
        return d.pick(SPOKEN_TIMES).replace("{h}", d.pick(NUMBERS[1:13]))
    style = d.time_style if d.chance(0.75) else d.pick(TIME_STYLES)
    return style(d.between(6, 23), d.pick([0, 0, 15, 30, 30, 45, d.between(0, 59)]))


@value("clock", "time", verbatim=True)
def clock(d):
    """A time of day as machines print it."""
    text = f"{d.between(0, 23):02}:{d.between(0, 59):02}"
    return d.pick([text, text, f"{text}:{d.between(0, 59):02}", f"{d.between(1, 12)}:{d.between(0, 59):02} {d.pick(['AM', 'PM'])}"])


@value("timestamp", "timestamp", blocks="date time", verbatim=True)
def timestamp(d):
    day = some_day(d, -500, 0)
    hour, minute, second = d.between(0, 23), d.between(0, 59), d.between(0, 59)
    text = f"{hour:02}:{minute:02}:{second:02}"
    return d.pick([f"{day.isoformat()} {text}", f"{day.isoformat()}T{text}Z", f"{day.isoformat()}T{text}+0{d.between(0, 9)}:00",
                   f"{day.strftime('%b')} {day.day:2} {text}", f"{day.strftime('%d/%b/%Y')}:{text} +0000",
                   f"{day.isoformat()} {text},{d.digits(3)}", f"{day.isoformat()} {text}.{d.digits(6)}", str(1600000000 + d.between(0, 160000000))])


# ---- numbers and money ----

CURRENCIES = [
    "${}", "${}", "${}", "€{}", "{} €", "£{}", "£{}", "{} EUR", "EUR {}", "USD {}", "{} USD", "RM{}", "RM {}", "₹{}",
    "Rs. {}", "CHF {}", "¥{}", "{} kr", "{} zł", "R$ {}", "{} dollars", "{} euros", "A${}", "{} GBP", "SGD {}", "{} pounds",
]


SWAP = str.maketrans(",.", ".,")
COMMA_CURRENCIES = ("{} €", "{} EUR", "R$ {}", "{} zł")


def money_text(d, amount):
    if d.currency in ("¥{}", "{} kr"):
        return d.currency.format(f"{round(amount) * 10:,}")
    if amount == int(amount) and amount >= 10 and d.chance(0.6):
        return d.currency.format(f"{int(amount):,}" if d.chance(0.7) else str(int(amount)))
    text = f"{amount:,.2f}"
    return d.currency.format(text.translate(SWAP) if d.comma else text)


def printed(d, amount):
    """An amount on a receipt: often without its currency."""
    return f"{amount:.2f}" if d.bare_money else money_text(d, amount)


def some_amount(d):
    r = d.random()
    if r < 0.35:
        return d.between(5, 99) + d.pick([0, 0.5, 0.99, 0.95, d.between(0, 99) / 100])
    if r < 0.75:
        return d.between(10, 999) + d.pick([0, 0, 0.9, 0.99, d.between(0, 99) / 100])
    return d.between(10, 990) * d.pick([10, 100]) + d.pick([0, 0, 0, d.between(0, 99) / 100])


@value("money", "money")
def money(d):
    if d.chance(0.06):
        return d.pick([
        f"{d.pick(NUMBERS[2:])} {d.pick(['dollars', 'euros', 'pounds', 'bucks', 'hundred dollars', 'thousand euros'])}", f"{d.between(2, 90)} bucks",
        f"{d.between(2, 50)}k", f"a hundred {d.pick(['dollars', 'euros', 'pounds'])}"
    ])
    return money_text(d, some_amount(d))


@value("money_large", "money")
def money_large(d):
    """What companies pay each other."""
    n = d.pick([d.between(10, 99) * 100, d.between(10, 99) * 1000, d.between(10, 90) * 10000, d.between(1000, 99000)])
    if d.chance(0.08):
        return d.pick([
        f"{d.between(2, 900)}k", f"{d.pick(NUMBERS[2:])} thousand {d.pick(['dollars', 'euros', 'pounds'])}",
        f"{d.between(1, 9)}.{d.digits(1)} million euros", f"half a million {d.pick(['dollars', 'euros'])}"
    ])
    return money_text(d, n + d.pick([0, 0, 0, 0.5, d.between(0, 99) / 100]))


@value("night_rate", "money")
def night_rate(d):
    return money_text(d, d.between(25, 390)) + d.pick([" per night", " a night", "/night", "", "", " per room", " p.n."])


@value("rent", "money")
def rent(d):
    return money_text(d, d.between(30, 490) * 10) + d.pick([" per month", " a month", "/month", "", "", " pcm", " monthly", "/mo"])


@value("money_small", "money")
def money_small(d):
    """What people spend in a shop or owe each other."""
    amount = d.pick([d.between(2, 90), d.between(2, 90) + 0.5, d.between(10, 400), d.between(2, 300) + d.between(0, 99) / 100, d.between(2, 200) + 0.99])
    if d.chance(0.06):
        return d.pick([
        f"{d.between(2, 90)} bucks", f"{d.pick(NUMBERS[2:])} {d.pick(['dollars', 'euros', 'pounds', 'quid'])}",
        f"a hundred {d.pick(['dollars', 'euros', 'pounds'])}", f"{d.between(5, 90)} cents"
    ])
    return money_text(d, amount)


@value("price", "money")
def price(d):
    """The price of one more line; subtotal and total add these up."""
    amount = round(d.between(1, 60) + d.pick([0, 0.5, 0.99, 0.49, d.between(0, 99) / 100]), 2)
    d.prices.append(amount)
    return printed(d, amount)


@value("unit_price", "money")
def unit_price(d):
    return printed(d, d.between(1, 90) + d.between(0, 99) / 100)


def sums(d):
    if d.total is None:
        d.subtotal = round(sum(d.prices), 2) if d.prices else some_amount(d)
        d.tax = round(d.subtotal * d.pick([0.05, 0.06, 0.07, 0.0825, 0.1, 0.19, 0.2, 0.21]), 2)
        d.total = d.subtotal + d.tax
        d.paid = (d.total // 10 + d.between(1, 2)) * 10
    return d


value("subtotal", "money")(lambda d: printed(d, sums(d).subtotal))
value("tax_amount", "money")(lambda d: printed(d, sums(d).tax))
value("total", "money")(lambda d: printed(d, sums(d).total))
value("cash_paid", "money")(lambda d: printed(d, sums(d).paid))
value("change", "money")(lambda d: printed(d, sums(d).paid - sums(d).total))
value("tip", "money")(lambda d: printed(d, d.between(1, 20)))
value("discount_amount", "money")(lambda d: d.pick(["-", ""]) + printed(d, d.between(1, 20) + d.pick([0, 0.5])))


@value("percent", "percent")
def percent(d):
    n = d.pick([d.between(1, 100), d.between(1, 30), d.between(5, 90) // 5 * 5])
    return d.pick([f"{n}%", f"{n}%", f"{n} %", f"{n} percent", f"{n}.{d.digits(1)}%", f"{d.pick(NUMBERS[2:])} percent"])


@value("function_name", "", verbatim=True)
def function_name(d):
    verb, noun = d.pick("get read parse open close write flush send init load check find update".split()), d.pick("buffer index user token page row config session path header cache report".split())
    return d.pick([f"{verb}_{noun}", f"{verb}_{noun}()", f"{verb}{noun.capitalize()}", f"{noun}_{verb}", f"{noun.capitalize()}.{verb}", f"{noun}::{verb}", f"{verb}{noun.capitalize()}()"])


@value("industry", "")
def industry(d):
    return d.pick(w.INDUSTRIES).lower() if d.chance(0.6) else d.pick([
        "food processing", "car parts", "public sector", "retail", "real estate", "education", "hospitality", "chemicals", "mining", "banking",
        "agriculture", "fashion"
    ])


@value("rent_small", "money")
def rent_small(d):
    return money_text(d, d.between(3, 79) + d.pick([0, 0.99, 0.9, 0.5])) + d.pick([" per month", " a month", "/month", "", "", " monthly", "/mo"])


@value("qty", "", verbatim=True)
def qty(d):
    return str(d.pick([1, 1, 1, 2, 2, 3, 4, 5, 6, 10, 12, d.between(1, 500)]))


# ---- identifiers ----

shaped("order_id", "#-#######|###-#######-#######|ORD-#####|ORD-2025-####|#####-##|@@######|SO-######|######|########|#@@##|@@-#####-@|O#####|W#########|PO######|@@@-######|#########", "identifier")
shaped("invoice_id", "INV-#####|INV-2025-####|INV######|RE-2024-###|F#####/25|2025-#####|#######|R-####-##|IN##########|@@-######|CI#####|## #####", "identifier")
shaped("po_id", "PO-#####|PO ######|45########|PO-2025-###|P#####|#######|PO/##/####", "identifier")
shaped("tracking_id", "1Z###@@##########|JD################|############|@@#########DE|@@#########GB|#### #### ####|TRK#######|##############", "identifier")
shaped("ticket_id", "#####|INC#######|SR-#####|TCK-####|#######|REQ######|CASE-#####|@@@-####|HD-#####|####", "identifier")
shaped("customer_id", "C-#####|CUST-####|#######|K######|CU####|###-###-###|10######|@#####", "identifier")
shaped("booking_id", "%%%%%%|@@@@@@|BK-#####|@@####|########|#@%%%@|RES-####|HX#####", "identifier")
shaped("policy_id", "POL-#######|@@-###-####|##-###-#####|P########|HV-####-##", "identifier")
shaped("claim_id", "CLM-######|##-#####|C-2025-####|SCH######|CL/####/##", "identifier")
shaped("patient_id", "P-######|MRN #######|###-##-###|PAT####|########", "identifier")
shaped("employee_id", "E####|EMP-####|#####|P-#####|MA####", "identifier")
shaped("sku", "@@-####|@@@###-@|###-###-##|%%%%-%%%%|SKU#####|########", "identifier")
shaped("serial", "SN-########|@@#@######|%%%%%%%%%%|##@@#####|@#@######", "identifier")
shaped("tax_id", "DE#########|GB### #### ##|##-#######|FR###########|###/###/#####|GST #########|0############|@@@##########|###.###.###", "identifier")
shaped("registration_id", "######-@|HRB #####|########|##########", "identifier")
shaped("iban", "DE## #### #### #### #### ##|GB##@@@@##############|FR## #### #### #### #### #### ###|NL##@@@@##########|DE####################|ES######################", "account_number")
shaped("account_id", "########|##########|###-######-#|####-####|****####|###########", "account_number")
shaped("bic", "@@@@DEFF|@@@@GB2L|@@@@NL2A|@@@@FRPPXXX|@@@@US33")
shaped("card_number", "**** **** **** ####|XXXX-####|************####|####|4### #### #### ####|5###-####-####-####")
shaped("reference", "@@######|REF-######|##########|##-##-###|@@@/####/##|#######", "identifier")
shaped("plate", "@@@-####|@@##@@@|@-@@-###|@@-@@-###|@@@ ####|###-@@@")
shaped("flight", "@@###|@@####|@@ ###|@#-###|@@##")
shaped("gate", "@##|@#|##")
shaped("process_id", "###|####|#####")
shaped("coupon", "SAVE##|WELCOME##|@@@@##|SPRING25|%%%%%%|FLASH##")
shaped("batch", "L#####|LOT-####-##|B2025##|@##@##|CH.####")
shaped("terminal", "T##|POS-##|00##|REG#")
shaped("doc_id", "DOC-####|ISO-####|@@@-##-###|R-####", "identifier")
shaped("container", "@@@U#######")


@value("uuid", "uuid", verbatim=True)
def uuid(d):
    text = f"{int(d.random() * 2 ** 53):014x}{int(d.random() * 2 ** 53):014x}{int(d.random() * 65536):04x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


@value("hash", "", verbatim=True)
def hash_(d):
    return f"{int(d.random() * 2 ** 53):014x}"[:d.pick([7, 8, 12])]


# ---- contact and net ----

def domain(d):
    name = d.company_mark if d.company_mark and d.chance(0.5) else d.pick([plain(coined(d)), d.pick(w.NOUNS).lower() + d.pick(["", "-online", "group", "mail", "hq"])])
    return name + d.pick([".com", ".com", ".org", ".net", ".de", ".co.uk", ".io", ".eu", ".example", ".fr", ".in", ".com.au"])


@value("email", "email", verbatim=True)
def email(d):
    if d.last_person and d.chance(0.6):
        first, last = map(plain, d.last_person)
    else:
        first, last = plain(any_first(d)), plain(any_last(d))
    user = d.pick([
        f"{first}.{last}", f"{first[:1]}.{last}", f"{first}{d.digits(2)}", f"{last}", f"{first}_{last}", f"{first[:1]}{last}", "info", "sales",
        "billing", "support", f"{d.pick(w.NOUNS).lower()}{d.digits(3)}"
    ])
    return f"{user}@{domain(d)}"


@value("url", "url", verbatim=True)
def url(d):
    host = domain(d)
    path = d.pick([
        "", "", "/", f"/{d.pick(w.NOUNS).lower()}", f"/{d.pick(['jobs', 'help', 'track', 'pay', 'docs', 'events'])}/{d.digits(4)}",
        f"/{d.pick(['blog', 'shop', 'a', 'v2'])}/{d.pick(w.NOUNS).lower()}-{d.pick(w.TITLE_WORDS).lower()}", f"/login?id={d.digits(3)}"
    ])
    return d.pick(["https://", "https://www.", "http://", "www.", ""]) + host + path


# ---- things ----

@value("product", "product")
def product(d):
    r = d.random()
    noun = d.pick(w.PRODUCT_NOUNS)
    if r < 0.25:
        return noun
    if r < 0.5:
        return f"{d.pick(w.PRODUCT_ADJECTIVES)} {noun}"
    if r < 0.65:
        return f"{coined(d)} {noun}"
    if r < 0.8:
        return f"{coined(d)} {d.pick(['X', 'Pro', 'Mini', 'S', 'Air', 'Max', 'One'])}{d.pick(['', ' ' + str(d.between(2, 15)), str(d.between(1, 900))])}"
    if r < 0.9:
        return f"{noun} {d.shape(d.pick(['@@-###', '@###', '##@', 'X#']))}"
    return f"{d.pick(w.PRODUCT_ADJECTIVES)} {noun}, {d.pick(w.COLOURS)}"


@value("product_name", "product")
def product_name(d):
    """A product by its trade name."""
    if d.chance(0.3):
        return d.pick(w.PRODUCTS)
    name = d.pick([coined, FILLERS["noun"]])(d)
    return d.pick([
        f"{name} {d.pick(['Pro', 'Mini', 'Air', 'Max', 'Plus', 'One', 'Go', 'Lite', 'Ultra'])}", f"{name} {d.between(2, 30)}",
        f"{name} {d.shape('@##')}", f"{name} {d.pick(w.PRODUCT_NOUNS)}", f"{name} {d.shape('@#')} {d.pick(w.PRODUCT_NOUNS)}"
    ])


listed("grocery", w.GROCERIES, "", "product")
listed("dish", w.DISHES, "", "product")


@value("receipt_item", "", blocks="product")
def receipt_item(d):
    r = d.random()
    if r < 0.4:
        return d.pick(w.GROCERIES)
    if r < 0.6:
        return d.pick(w.DISHES)
    if r < 0.8:
        return d.pick(w.SUPPLIES)
    return f"{d.pick(w.PRODUCT_NOUNS)} {d.shape(d.pick(['@@##', '###', '##@']))}"


@value("ordered_item", "product")
def ordered_item(d):
    return d.pick([product, lambda d: d.pick(w.SUPPLIES)])(d)


@value("title", "work")
def title(d):
    if d.chance(0.25):
        return d.pick(w.WORKS)
    return d.fill(d.pick(w.TITLE_PATTERNS))


@value("job", "job_title")
def job(d):
    name = d.pick(w.JOB_FIELDS)
    if d.chance(0.25):
        name = f"{d.pick(w.SENIORITY)} {name}"
    return name if d.chance(0.5) else " ".join([word if word.isupper() or word[1:2].isupper() else word[:1].upper() + word[1:] for word in name.split(" ")])


@value("degree", "")
def degree(d):
    return d.pick([f"{d.pick(w.DEGREES)} in {d.pick(w.SUBJECTS)}", d.pick(w.DEGREES)])


@value("vehicle", "vehicle")
def vehicle(d):
    return d.pick([
        d.pick(w.CAR_MODELS), f"{d.pick(w.COLOURS)} {d.pick(w.CAR_MODELS)}", f"{coined(d)} {d.shape('@#')}",
        f"{d.between(2006, 2024)} {coined(d)} {d.pick(w.CAR_MODELS)}", f"{coined(d)} {d.pick(w.NOUNS)}"
    ])


for _name, _items in [
        ("cuisine", w.CUISINES), ("colour", w.COLOURS), ("skill", w.SKILLS), ("symptom", w.SYMPTOMS), ("condition", w.CONDITIONS),
        ("drug", w.DRUGS), ("procedure", w.PROCEDURES), ("specialty", w.SPECIALTIES), ("allergen", w.ALLERGENS),
        ("device", w.DEVICES), ("software", w.SOFTWARE), ("system", w.SYSTEMS), ("error", w.ERRORS), ("defect", w.DEFECTS),
        ("quality", w.QUALITIES), ("payment_method", w.PAYMENT_METHODS), ("shipping", w.SHIPPING), ("priority", w.PRIORITIES),
        ("incoterm", w.INCOTERMS), ("payment_terms", w.PAYMENT_TERMS), ("genre", w.GENRES), ("film_genre", w.FILM_GENRES),
        ("weather", w.WEATHER), ("event_kind", w.EVENT_KINDS), ("topic", w.TOPICS), ("room", w.ROOMS), ("amenity", w.AMENITIES),
        ("property_kind", w.PROPERTY_KINDS), ("room_kind", w.ROOM_KINDS), ("travel_class", w.TRAVEL_CLASSES), ("seat", w.SEATS),
        ("document_kind", w.DOCUMENT_KINDS), ("claim_kind", w.CLAIM_KINDS), ("leave", w.LEAVES),
        ("contract_kind", w.CONTRACT_KINDS), ("employment", w.EMPLOYMENT_KINDS), ("benefit", w.BENEFITS),
        ("alarm_label", w.ALARM_LABELS), ("purpose", w.PURPOSES), ("hazard", w.HAZARDS), ("injury", w.INJURIES),
        ("species", w.SPECIES), ("pet_name", w.PET_NAMES), ("ingredient", w.INGREDIENTS), ("commodity", w.CROPS),
        ("sport", w.SPORTS), ("material", w.MATERIALS), ("course", w.COURSES), ("car_class", w.CAR_MODELS),
        ("visibility", w.VISIBILITIES), ("list_name", w.LIST_NAMES), ("smart_device", w.SMART_DEVICES),
        ("home_room", w.HOME_ROOMS), ("playlist", w.PLAYLISTS), ("car_part", w.CAR_PARTS), ("car_fault", w.CAR_FAULTS),
        ("lead_source", w.LEAD_SOURCES), ("plan", w.PLANS), ("branch", w.BRANCHES), ("pet_symptom", w.PET_SYMPTOMS),
        ("city_issue", w.CITY_ISSUES), ("office_hours", w.OFFICE_HOURS), ("sales_stage", w.SALES_STAGES),
        ("coverage", w.INSURANCES), ("reason", w.REASONS), ("service_kind", w.SERVICE_KINDS)]:
    listed(_name, _items)
listed("service", w.SERVICES, verbatim=True)
listed("executive", w.EXECUTIVE, "job_title")
listed("office", w.OFFICES, "job_title")
listed("language", w.LANGUAGES, "language", "nationality")
listed("nationality", w.NATIONALITIES, "nationality", "language")
