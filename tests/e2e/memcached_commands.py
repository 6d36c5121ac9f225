"""Random memcached commands, classic and meta, for the differential test.

Every random choice comes from one seeded generator and none depends on a reply, so a seed replays a
stream of commands. The one thing that has to come from replies, cas uniques, is left open: a
command says whose unique it wants (CasOf), and whoever sends it fills it in for each server.

The keys come in families, so that what depends on the moment at which memcached lets go of an item
stays out (see "wild"):

    text    any values, all commands
    number  counters of ten digits that keep their length: all commands that keep it so, but
            nothing that tells whether incr changed the item or made a new one, which forgets its
            last use, its staleness, and a new expiry time (memcached makes one while the old is
            in use, so while the reply to a get before it waits to be sent)
    wild    counters that grow and shrink: only commands that do not tell the item's size, for
            memcached pads a shrunken number with spaces, or not, as the item is in use or not;
            below 2^63, for of larger ones 1.6.18 says "non-numeric" when a "-" happens to stand
            in the memory behind them
    code    binary keys that only base64 can spell; no new item is made of them, since 1.6.18 then
            forgets that they are binary
"""

import base64
import dataclasses
import random

TEXT_KEYS = [b"%d:text" % index for index in range(40)] + [b"k" * 250, b"\xc3\xa4\xff", b"%x{y}"]
NUMBER_KEYS = [b"%d:number" % index for index in range(15)]
WILD_KEYS = [b"%d:wild" % index for index in range(10)]
CODE_KEYS = [b"\x00%d\xff code \x01" % index for index in range(10)]
NEVER_KEYS = [b"%d:never" % index for index in range(10)]
FAMILIES = {"text": TEXT_KEYS, "number": NUMBER_KEYS, "wild": WILD_KEYS}

# Templates of mistakes; {key} is a key. No data block of theirs may look like a command. Left out,
# for the proxy differs there on purpose from 1.6.18: get with a key that is too long (memcached
# loses the answer to the command in front of it), ma N q (below), numbers that memcached cuts to 32
# bits, control bytes in keys.
MISTAKES = [
    b"get\r\n", b"gets\r\n", b"\r\n", b"   \r\n", b"GET {key}\r\n", b"nonsense {key}\r\n",
    b"set {key} 0 0\r\n", b"set {key} 0 0 -1\r\n", b"set {key} x 0 5\r\n", b"set {key} 0 x 5\r\n",
    b"set {key} 0 0 x noreply\r\n", b"set {key} -1 0 5\r\n", b"cas {key} 0 0 1\r\n",
    b"cas {key} 0 0 1 x\r\n", b"set {key} 0 0 3\r\nabcdef\r\n", b"add {key} 0 0 3\r\nabcdef\r\n",
    b"append {key} 0 0 1 noreply\r\nab?\r\n", b"ms {key} 2\r\nabc?\r\n", b"incr {key}\r\n",
    b"incr {key} x\r\n", b"incr {key} -1\r\n", b"decr {key} x noreply\r\n", b"touch {key}\r\n",
    b"touch {key} x\r\n", b"delete\r\n", b"delete {key} 5\r\n", b"delete {key} 0 x\r\n",
    b"gat\r\n", b"gat x {key}\r\n", b"gat 0\r\n", b"gats 0\r\n", b"mg\r\n", b"mg {key} v v\r\n",
    b"mg {key} Tx\r\n", b"mg {key} !\r\n", b"ms {key}\r\n", b"ms {key} x\r\n", b"ms {key} -1\r\n",
    b"ms {key} 2 Fx\r\n??\r\n", b"ms {key} 2 MX\r\n??\r\n", b"ms {key} 2 k k\r\n??\r\n",
    b"ma {key} Dx\r\n", b"ma {key} MX\r\n", b"md {key} q q\r\n", b"md {key} Cx\r\n", b"me\r\n",
    b"mg abc b v\r\n", b"md abc b\r\n", b"me abc b\r\n", b"flush_all x\r\n", b"verbosity\r\n",
    b"set {long} 0 0 2\r\n??\r\n", b"mg {long} v\r\n", b"incr {long} 1\r\n",
    b"mg {key} O" + b"o" * 40 + b"\r\n",
]


LINE_MAX = 2048


@dataclasses.dataclass
class CasOf:
    """The cas unique of this key that was seen last, or `age` sightings before."""

    key: bytes
    age: int


@dataclasses.dataclass
class Command:
    """parts: what is sent; a CasOf stands for its number.

    memcached may close the connection at a line of more than LINE_MAX bytes, unless it is a get or
    gets. Such a command has `lines`: what it is sent instead, the same keys in shorter lines. The
    values that it answers to all of them, and the last END, are the answer to the command."""

    parts: list
    key: bytes = b""  # the one key of a meta command
    opaque: bytes = b""  # its opaque token, which is in its answer
    lines: list = dataclasses.field(default_factory=list)


def coded(key):
    return base64.b64encode(key)


class Generator:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.serial = 0

    def commands(self, count):
        return [self.command() for _ in range(count)]

    def command(self):
        makers = [(self.get, 22), (self.store, 18), (self.cas, 4), (self.small, 16),
                  (self.meta_get, 14), (self.meta_set, 10), (self.meta_delete, 3),
                  (self.meta_arithmetic, 6), (self.debug, 2), (self.mistake, 5), (self.rare, 1)]
        maker = self.dice.choices([make for make, _ in makers], [weight for _, weight in makers])[0]
        return maker()

    # Parts

    def key(self, families="text number"):
        family = self.dice.choice(families.split())
        if self.dice.random() < 0.05:
            return self.dice.choice(NEVER_KEYS)
        return self.dice.choice(FAMILIES[family])

    def value(self, key):
        if key in NUMBER_KEYS:
            return b"%d" % self.dice.randrange(5 * 10**9, 6 * 10**9)
        if key in WILD_KEYS:
            return b"%d" % self.dice.choice([0, 1, 9, 10, 99, 10**9, 2**62])
        style = self.dice.randrange(100)
        if style < 5:
            return b""
        if style < 8:
            return b"END\r\nVALUE x 0 1\r\nHD\r\nmn\r\n"
        if style < 10:
            return self.dice.randbytes(self.dice.randrange(10000, 100000))
        if style < 30:
            return self.dice.randbytes(self.dice.randrange(100, 3000))
        return b"v%x" % self.dice.randrange(1 << self.dice.choice([8, 60, 400]))

    def exptime(self):
        return self.dice.choice([b"0", b"0", b"0", b"1000", b"100000", b"2592000", b"-1",
                                 b"2000000000"])

    def noreply(self):
        return b" noreply" if self.dice.random() < 0.15 else b""

    def cas_of(self, key):
        if self.dice.random() < 0.2:
            return b"%d" % self.dice.randrange(1 << 60, 1 << 64)
        return CasOf(key, self.dice.choice([0, 0, 0, 1, 2]))

    # Classic

    def get(self):
        count = self.dice.choice([1, 1, 1, 2, 3, 10, 100])
        if count == 100 and self.dice.random() < 0.4:
            count = self.dice.choice([300, 300, 300, 1500])
        keys = [self.key() for _ in range(count)]
        name = self.dice.choice([b"get", b"get", b"gets", b"gets", b"gat", b"gats", b"bget"])
        head = [name] + ([self.exptime()] if name.startswith(b"gat") else [])
        blank = b"  " if self.dice.random() < 0.03 else b" "
        end = b"\n" if self.dice.random() < 0.03 else b"\r\n"
        line = blank.join(head + keys) + end
        lines = []
        if len(line) > LINE_MAX and name not in (b"get", b"gets"):
            lines = [b" ".join(head + keys[at : at + 7]) + b"\r\n" for at in range(0, count, 7)]
        return Command([line], lines=lines)

    def store(self):
        name = self.dice.choice([b"set", b"set", b"set", b"add", b"replace", b"append", b"prepend"])
        key = self.key("text" if name.endswith(b"pend") else "text text number wild")
        data = self.value(key)
        flags = self.dice.choice([0, 1, 65535, 2**32 - 1])
        return Command([b"%s %s %d %s %d%s\r\n%s\r\n" % (
            name, key, flags, self.exptime(), len(data), self.noreply(), data)])

    def cas(self):
        key = self.key()
        data = self.value(key)
        return Command([b"cas %s 3 %s %d " % (key, self.exptime(), len(data)), self.cas_of(key),
                        self.noreply() + b"\r\n" + data + b"\r\n"])

    def small(self):
        """Commands of one line."""
        kind = self.dice.randrange(6)
        if kind < 2:
            key, delta = self.dice.choice(NUMBER_KEYS), self.dice.randrange(1000)
            if kind == 1:
                key = self.key("wild")
                delta = self.dice.choice([0, 1, 9, 10**6, 10**9])
            name = self.dice.choice([b"incr", b"decr"])
            if name == b"decr" and kind == 1:
                delta = self.dice.choice([delta, 2**63, 2**64 - 1])
            return Command([b"%s %s %d%s\r\n" % (name, key, delta, self.noreply())])
        if kind == 2:
            zero = b" 0" if self.dice.random() < 0.2 else b""
            return Command([b"delete %s%s%s\r\n" % (self.key("text number wild"), zero,
                                                    self.noreply())])
        if kind == 3:
            return Command([b"touch %s %s%s\r\n" % (self.key("text number wild"), self.exptime(),
                                                    self.noreply())])
        if kind == 4:
            return Command([b"mn\r\n"])
        return Command([b"get %s\r\n" % self.key()])

    def mistake(self):
        key = self.key("text")
        text = self.dice.choice(MISTAKES)
        return Command([text.replace(b"{key}", key).replace(b"{long}", b"k" * 251)])

    def rare(self):
        kind = self.dice.randrange(12)
        if kind == 0:
            return Command([b"flush_all%s%s\r\n" % (self.dice.choice([b"", b" 0"]),
                                                    self.dice.choice([b"", b" noreply"]))])
        if kind == 1:
            return Command([b"verbosity 0%s\r\n" % self.noreply()])
        if kind == 2:  # too large for an item
            key, size = self.key("text"), (1 << 20) + self.dice.randrange(1000)
            return Command([b"set %s 0 0 %d\r\n%s\r\n" % (key, size, b"x" * size)])
        return Command([b"touch %s 0\r\n" % self.key()])

    # Meta

    def meta(self, name, key, flags, data=None):
        """A meta command: flags in random order, the key in either spelling."""
        spelled = key
        # A number whose item is made anew forgets that it is binary.
        makes_number = key in NUMBER_KEYS and name in (b"ms", b"ma")
        may_be_coded = len(key) < 180 and not makes_number
        if key in CODE_KEYS or (may_be_coded and self.dice.random() < 0.15):
            spelled = coded(key)
            flags.append([b"b"])
        opaque = b""
        wants_cas = [b"c"] in flags
        if wants_cas or self.dice.random() < 0.3:
            self.serial += 1
            opaque = b"O%d" % self.serial
            flags.append([opaque])
        # Of ma q that makes an item, memcached 1.6.18 shows the HD that it should hide.
        quiet = 0 if [b"N1000"] in flags and name == b"ma" else 0.2
        for flag, chance in ((b"q", quiet), (b"k", 0.2), (b"Lpath", 0.02), (b"P1", 0.02)):
            if self.dice.random() < chance:
                flags.append([flag])
        self.dice.shuffle(flags)
        head = b"%s %s" % (name, spelled) + (b"" if data is None else b" %d" % len(data))
        parts = [head]
        for flag in flags:
            parts += [b" ", *flag]
        parts.append(b"\r\n" if data is None else b"\r\n" + data + b"\r\n")
        return Command(parts, key, opaque)

    def some(self, chances):
        return [[flag] for flag, chance in chances.items() if self.dice.random() < chance]

    def meta_key(self, families="text text number"):
        return self.dice.choice(CODE_KEYS) if self.dice.random() < 0.15 else self.key(families)

    def meta_get(self):
        flags = self.some({b"v": 0.6, b"c": 0.3, b"f": 0.2, b"h": 0.2, b"s": 0.2, b"t": 0.2,
                           b"u": 0.1, b"l": 0.1, b"T" + self.exptime(): 0.1, b"R5000": 0.05})
        key = self.meta_key()
        if key in NUMBER_KEYS:
            flags = [flag for flag in flags if flag not in ([b"h"], [b"l"], [b"R5000"])]
        else:
            flags += self.some({b"N" + self.dice.choice([b"0", b"1000"]): 0.1})
        return self.meta(b"mg", key, flags)

    def meta_set(self):
        mode = self.dice.choice([b"", b"", b"", b"MS", b"ME", b"MR", b"MA", b"MP"])
        key = self.key("text") if mode in (b"MA", b"MP") else self.meta_key("text text number wild")
        flags = [[mode]] if mode else []
        flags += self.some({b"F%d" % self.dice.randrange(1 << 32): 0.3, b"T" + self.exptime(): 0.3,
                            b"c": 0.1})
        if key not in NUMBER_KEYS:
            flags += self.some({b"I": 0.1})
        if self.dice.random() < 0.2:
            flags.append([b"C", self.cas_of(key)])
        return self.meta(b"ms", key, flags, self.value(key))

    def meta_delete(self):
        key = self.meta_key("text number wild")
        flags = [] if key in NUMBER_KEYS else self.some({b"I": 0.4, b"T1000": 0.2})
        if self.dice.random() < 0.3:
            flags.append([b"C", self.cas_of(key)])
        return self.meta(b"md", key, flags)

    def meta_arithmetic(self):
        key = self.dice.choice(NUMBER_KEYS)
        flags = self.some({b"v": 0.5, b"t": 0.2, b"c": 0.2})
        mode = self.dice.choice([b"", b"MI", b"MD", b"MI", b"M-", b"M+"])
        if mode:
            flags.append([mode])
        if self.dice.random() < 0.5:
            flags.append([b"D%d" % self.dice.randrange(1000)])
        if self.dice.random() < 0.3:
            flags += [[b"N1000"], [b"J5500000000"]]
        if self.dice.random() < 0.2:
            flags.append([b"C", self.cas_of(key)])
        return self.meta(b"ma", key, flags)

    def debug(self):
        return Command([b"me %s\r\n" % self.key("text")])
