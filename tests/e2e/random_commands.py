"""Random Redis commands from a table of templates, for the differential test.

Every random choice comes from one seeded generator and none depends on a reply, so a seed replays
a stream of commands exactly.

A template is a line of tokens. Upper-case words, digits and anything not listed below stand for
themselves. Lower-case names are replaced:

    string number list hash set zset stream hll geo lex
                                                a key that usually holds this type; lex: a
                                                sorted set in which all scores are equal, for
                                                without that Redis promises nothing about
                                                ranges by name
    any                                         a key of any type
    value member field int ...                  see the methods _value_*

    a|b     one of the two               a,b     a and b in sequence (binds closer than |)
    a?      with a chance of one half    a+      1 to 5 times
    #a+     their number first, then 1 to 5 of them
    =       at the start of a line: never mixed (below), because the number of keys is wrong

All keys of a command share a hash tag, so that they live on one server. A few commands ("mixed")
break that rule on purpose; what a pool of several servers must say then is the test's business.
"""

import dataclasses
import hashlib
import random

# Commands that the proxy splits: their keys need no common tag.
SPLIT = {"MGET", "MSET", "DEL", "UNLINK", "TOUCH", "EXISTS"}

TEMPLATES = """
APPEND string value
BITCOUNT string
BITCOUNT string index index BYTE|BIT?
BITFIELD string GET,bits,offset? SET,bits,offset,int? INCRBY,bits,offset,int
BITFIELD string OVERFLOW WRAP|SAT|FAIL INCRBY bits offset int
BITFIELD string GET,bits,offset+
BITFIELD_RO string GET,bits,offset
BITOP AND|OR|XOR string string+
BITOP NOT string string
BITPOS string 0|1 index? index?
COPY string string REPLACE?
COPY list list REPLACE?
COPY zset zset REPLACE?
DECR number
DECRBY number int
DUMP any
EXPIRE any big NX|XX|GT|LT?
EXPIREAT any unixtime NX|XX|GT|LT?
EXPIRETIME any
GET string
GET string
GETBIT string offset
GETDEL string
GETEX string EX,big|PXAT,unixtime_ms|PERSIST?
GETRANGE string index index
GETSET string value
INCR number
INCRBY number int
INCRBYFLOAT number float
LCS string string LEN?
LCS string string IDX,MINMATCHLEN,count?,WITHMATCHLEN?
OBJECT ENCODING any
OBJECT REFCOUNT string
OBJECT IDLETIME any
OBJECT FREQ any
PERSIST any
PEXPIRE any big_ms NX|XX|GT|LT?
PEXPIREAT any unixtime_ms
PEXPIRETIME any
PSETEX string big_ms value
PTTL any
RENAME string string
RENAME zset zset
RENAMENX list list
RESTORE string 0 payload REPLACE? ABSTTL?
SET string value
SET string value
SET string value EX,big|PX,big_ms|EXAT,unixtime|KEEPTTL? NX|XX? GET?
SETBIT string offset 0|1
SETEX string big value
SET number int
SET number float
SETNX string value
SETRANGE string offset value
STRLEN string
SUBSTR string index index
SORT list ALPHA? LIMIT,count,count? ASC|DESC?
SORT set ALPHA ASC|DESC?
SORT list ALPHA STORE list
SORT zset ALPHA LIMIT,count,count?
SORT_RO list ALPHA? ASC|DESC?
TTL any
TYPE any
MEMORY USAGE any
LINDEX list index
LINSERT list BEFORE|AFTER value value
LLEN list
LMOVE list list LEFT|RIGHT LEFT|RIGHT
LMPOP #list+ LEFT|RIGHT COUNT,count?
LPOP list count?
LPOS list value RANK,int? COUNT,count? MAXLEN,count?
LPUSH list value+
LPUSHX list value+
LRANGE list index index
LRANGE list 0 -1
LREM list int value
LSET list index value
RPUSH list value+
RPUSH list value+
LTRIM list index index
RPOP list count?
RPOPLPUSH list list
RPUSH list value+
RPUSH list value+
RPUSHX list value+
HDEL hash field+
HEXISTS hash field
HGET hash field
HGETALL hash
HINCRBY hash field int
HINCRBYFLOAT hash field float
HKEYS hash
HLEN hash
HMGET hash field+
HMSET hash field,value+
HRANDFIELD hash
HRANDFIELD hash 1000000 WITHVALUES?
HSCAN hash 0 COUNT 1000000 MATCH,*1*?
HSET hash field,value+
HSET hash field,value+
HSETNX hash field value
HSTRLEN hash field
HVALS hash
SADD set member+
SADD set member+
SCARD set
SDIFF set+
SDIFFSTORE set set+
SINTER set+
SINTERCARD #set+ LIMIT,count?
SINTERSTORE set set+
SISMEMBER set member
SMEMBERS set
SMISMEMBER set member+
SMOVE set set member
SPOP set 1000000
SRANDMEMBER set
SRANDMEMBER set 1000000
SREM set member+
SSCAN set 0 COUNT 1000000 MATCH,*1*?
SUNION set+
SUNIONSTORE set set+
ZADD zset score,member+
ZADD zset NX|XX? GT|LT? CH? score,member+
ZADD zset INCR score member
ZADD lex 0,member+
ZADD lex 0,member+
ZCARD zset
ZCOUNT zset scoremin scoremax
ZDIFF #zset+ WITHSCORES?
ZDIFFSTORE zset #zset+
ZINCRBY zset score member
ZINTER #zset+ AGGREGATE,SUM|AGGREGATE,MIN|AGGREGATE,MAX? WITHSCORES?
ZINTERCARD #zset+ LIMIT,count?
ZINTERSTORE zset #zset+ AGGREGATE,SUM|AGGREGATE,MIN|AGGREGATE,MAX?
ZLEXCOUNT lex lexmin lexmax
ZMPOP #zset+ MIN|MAX COUNT,count?
ZMSCORE zset member+
ZPOPMAX zset count?
ZPOPMIN zset count?
ZRANDMEMBER zset
ZRANDMEMBER zset 1000000 WITHSCORES?
ZRANGE zset index index REV? WITHSCORES?
ZRANGE zset scoremin scoremax BYSCORE LIMIT,count,count? WITHSCORES?
ZRANGE lex lexmin lexmax BYLEX
ZRANGEBYLEX lex lexmin lexmax LIMIT,count,count?
ZRANGEBYSCORE zset scoremin scoremax WITHSCORES? LIMIT,count,count?
ZRANGESTORE zset zset index index
ZRANK zset member
ZREM zset member+
ZREMRANGEBYLEX lex lexmin lexmax
ZREMRANGEBYRANK zset index index
ZREMRANGEBYSCORE zset scoremin scoremax
ZREVRANGE zset index index WITHSCORES?
ZREVRANGEBYLEX lex lexmax lexmin
ZREVRANGEBYSCORE zset scoremax scoremin WITHSCORES?
ZREVRANK zset member
ZSCAN zset 0 COUNT 1000000
ZSCORE zset member
ZUNION #zset+ AGGREGATE,SUM|AGGREGATE,MIN|AGGREGATE,MAX? WITHSCORES?
ZUNION 2 zset zset WEIGHTS float float
ZUNIONSTORE zset #zset+ AGGREGATE,SUM|AGGREGATE,MIN|AGGREGATE,MAX?
GEOADD geo NX|XX? CH? longitude,latitude,member+
GEODIST geo member member m|km|ft|mi?
GEOHASH geo member+
GEOPOS geo member+
GEORADIUS geo longitude latitude radius km WITHCOORD? WITHDIST? WITHHASH? COUNT,count? ASC|DESC?
GEORADIUS geo longitude latitude radius km STORE|STOREDIST geo
GEORADIUS_RO geo longitude latitude radius m ASC|DESC?
GEORADIUSBYMEMBER geo member radius km ASC|DESC?
GEORADIUSBYMEMBER geo member radius km STORE geo
GEORADIUSBYMEMBER_RO geo member radius km WITHDIST?
GEOSEARCH geo FROMLONLAT longitude latitude BYRADIUS radius km ASC|DESC? COUNT,count? ANY?
GEOSEARCH geo FROMMEMBER member BYBOX radius radius km WITHCOORD? WITHDIST?
GEOSEARCHSTORE geo geo FROMLONLAT longitude latitude BYRADIUS radius km STOREDIST?
PFADD hll member+
PFADD hll member+
PFCOUNT hll+
PFMERGE hll hll+
XACK stream group id+
XADD stream id field,value+
XADD stream id field,value+
XADD stream NOMKSTREAM? MAXLEN,count|MINID,count? id field,value+
XAUTOCLAIM stream group consumer 0 0 COUNT,count? JUSTID?
XCLAIM stream group consumer 0 id+ JUSTID?
XDEL stream id+
XGROUP CREATE stream readers 0 MKSTREAM
XGROUP CREATE stream readers 0 MKSTREAM
XGROUP CREATE stream group 0|id|$ MKSTREAM?
XGROUP CREATECONSUMER stream group consumer
XGROUP DELCONSUMER stream group consumer
XGROUP DESTROY stream group
XGROUP SETID stream group 0|id
XINFO STREAM stream
XINFO GROUPS stream
XINFO CONSUMERS stream group
XLEN stream
XPENDING stream group
XPENDING stream group - + 10 consumer?
XRANGE stream -|id +|id COUNT,count?
XREAD COUNT,count? STREAMS stream stream 0|id 0|id
XREAD COUNT 3 STREAMS stream 0
XREADGROUP GROUP readers consumer COUNT,count? STREAMS stream >
XREADGROUP GROUP readers consumer STREAMS stream >
XREADGROUP GROUP group consumer COUNT,count? NOACK? STREAMS stream stream >|0 >|id
XREVRANGE stream + - COUNT,count?
XSETID stream id
XTRIM stream MAXLEN|MINID =? count
DEL any+
DEL string
EXISTS any+
EXISTS any
MGET string+
MGET any+
MGET string
MSET string,value+
MSET string,value
MSETNX string,value+
TOUCH any+
UNLINK any+
EVAL script_one 1 string
EVAL script_two 2 string string value
EVAL script_all #string+ value
EVAL script_all #any+
EVAL script_none 0 value?
= EVAL script_all int string
EVAL_RO script_read 1 string
EVALSHA sha 1 string
EVALSHA_RO sha 1 string
FCALL nosuch 1 any value
FCALL_RO nosuch 1 any
SCRIPT EXISTS sha+
SCRIPT LOAD loadable
= ZUNION 0|-1|x|9999999999999999999 zset zset
= ZINTERSTORE zset 0|-1|x|99 zset zset
= SINTERCARD 0|-1|x|99 set set
= LMPOP 0|-1|x|99 list list LEFT
= ZMPOP 0|-1|x|99 zset zset MIN
EVAL script_none 1|-1|x
= XREAD COUNT 3 STREAMS stream stream 0
XREAD STREAMS
XREAD COUNT 3 stream 0
GEORADIUS geo longitude latitude radius km STORE
SORT list ALPHA STORE
PING value?
ECHO value
DBSIZE
KEYS *
KEYS *string*
RANDOMKEY
"""

RARE_TEMPLATES = ["FLUSHALL", "FLUSHDB", "FLUSHALL ASYNC|SYNC", "SCRIPT FLUSH"]
RARE_CHANCE = 0.0005

KINDS = ["string", "number", "list", "hash", "set", "zset", "stream", "hll", "geo", "lex"]
WRONG_KINDS = ["string", "list", "hash", "set", "zset", "stream", "hll"]
# Two tags for each of the servers alpha, beta, gamma, delta.
TAGS = [b"dog", b"x1y2", b"user:1000", b"cart:17", b"a", b"order/7", b"\xff\x00", b"\r\n"]
KEYS_PER_KIND = 3
ODD_KEYS = [b"", b"{}", b"{", b"}{", b"\r\n", b"\0", b"*3\r\n", b"k" * 2000, bytes(range(256)),
            b"0", b"{}tail", b"a{{b}}", "schlüssel".encode()]
FAR_FUTURE = 4102444800  # 2100-01-01, seconds; nothing expires while a test runs

SCRIPTS = {
    "script_one": [b"return redis.call('GET', KEYS[1])", b"return redis.call('INCR', KEYS[1])",
                   b"return redis.pcall('LPUSH', KEYS[1], 1)", b"return {1, 'two', {KEYS[1]}}"],
    "script_two": [b"redis.call('SET', KEYS[1], ARGV[1]); return redis.call('STRLEN', KEYS[2])"],
    "script_all": [b"return {#KEYS, #ARGV}", b"return KEYS", b"return ARGV"],
    "script_none": [b"return ARGV[1]", b"return redis.error_reply('NO luck')", b"return nil",
                    b"return redis.status_reply('FINE')", b"syntax error"],
    "script_read": [b"return redis.call('GET', KEYS[1])", b"return redis.call('SET', KEYS[1], 1)"],
}
# Scripts that EVAL never runs: it would make them known to one server only.
LOADABLE = {script: hashlib.sha1(script).hexdigest().encode() for script in (
    b"return redis.call('STRLEN', KEYS[1])", b"return redis.call('TYPE', KEYS[1])")}


def all_keys():
    """Every key a command may name."""
    return [key for tag in TAGS for kind in KINDS for key in keys_of(kind, tag)] + ODD_KEYS


def keys_of(kind, tag):
    return [b"{%s}:%s:%d" % (tag, kind.encode(), number) for number in range(KEYS_PER_KIND)]


@dataclasses.dataclass
class Command:
    arguments: list
    keys: list
    mixed: bool  # its keys may be on different servers although it is not a split command

    @property
    def name(self):
        return self.arguments[0].upper().decode("latin-1")


class Generator:
    """A stream of commands from one seed. payloads: DUMP replies that RESTORE may use."""

    def __init__(self, seed, payloads):
        self.random = random.Random(seed)
        self.payloads = payloads
        self.templates = [line.split() for line in TEMPLATES.strip().splitlines()]
        self.rare = [line.split() for line in RARE_TEMPLATES]
        self.tag = b""
        self.tag_changes = False
        self.odd = False
        self.keys = []
        self.values = {name[len("_value_"):]: getattr(self, name) for name in dir(self)
                       if name.startswith("_value_")}

    def commands(self, count):
        return [self.command() for _ in range(count)]

    def command(self):
        chance = self.random.random
        template = self.random.choice(self.rare if chance() < RARE_CHANCE else self.templates)
        never_mixed = template[0] == "="
        template = template[never_mixed:]
        split = template[0] in SPLIT
        self.tag = self.random.choice(TAGS)
        self.tag_changes = split or (chance() < 0.03 and not never_mixed)
        self.odd = chance() < 0.05
        self.keys = []
        arguments = [template[0].encode()]
        for token in template[1:]:
            self._expand(token, arguments)
        if len(self.keys) > 1 and not split and not self.tag_changes:
            self._forget_odd_keys(arguments)
        mixed = self.tag_changes and not split
        if not mixed and not self.odd and chance() < 0.05:
            self._damage(arguments)
        if chance() < 0.2:
            arguments[0] = self.random.choice([bytes.lower, bytes.title])(arguments[0])
        return Command(arguments, self.keys, mixed)

    def _forget_odd_keys(self, arguments):
        """Odd keys have no common tag: a command of several keys does without them."""
        for index, argument in enumerate(arguments):
            if argument in ODD_KEYS and argument in self.keys:
                arguments[index] = keys_of("string", self.tag)[0]
        self.keys = [argument for argument in arguments if argument.startswith(b"{")]

    def _damage(self, arguments):
        """Makes a mistake, as programs do: too few, too many, or a wrong type."""
        if arguments[0] == b"SPOP" or b":lex:" in b"".join(arguments[1:2]):
            return  # SPOP without its count takes a random member, and the servers part ways
        kind = self.random.randrange(3)
        if kind == 0 and len(arguments) > 1:
            arguments.pop()
        elif kind == 1:
            arguments.append(keys_of("string", self.tag)[0])
        elif len(arguments) > 1 and arguments[1] in self.keys:
            arguments[1] = keys_of(self.random.choice(WRONG_KINDS), self.tag)[0]

    def _expand(self, token, out):
        chance = self.random.random
        if token.endswith("?") and len(token) > 1:
            if chance() < 0.5:
                self._expand(token[:-1], out)
        elif token.startswith("#") and token.endswith("+"):
            items = []
            self._expand(token[1:], items)
            out += [b"%d" % len(items), *items]
        elif token.endswith("+") and len(token) > 1:
            for _ in range(self.random.randint(1, 5)):
                self._expand(token[:-1], out)
        elif "|" in token:
            self._expand(self.random.choice(token.split("|")), out)
        elif "," in token:
            for part in token.split(","):
                self._expand(part, out)
        elif token in KINDS or token == "any":
            out.append(self._key(token))
        elif token in SCRIPTS:
            out.append(self.random.choice(SCRIPTS[token]))
        elif token in self.values:
            value = self.values[token]()
            out.append(value if isinstance(value, bytes) else str(value).encode())
        else:
            out.append(token.encode())

    def _key(self, kind):
        if kind == "any":
            kind = self.random.choice(KINDS)
        elif self.random.random() < 0.02 and kind != "lex":
            kind = self.random.choice(WRONG_KINDS)  # WRONGTYPE, or a key of an unexpected type
        if self.odd:
            key = self.random.choice(ODD_KEYS)
        else:
            tag = self.random.choice(TAGS) if self.tag_changes else self.tag
            key = self.random.choice(keys_of(kind, tag))
        self.keys.append(key)
        return key

    # What the lower-case names in the templates stand for.

    def _value_value(self):
        pick = self.random.randrange(20)
        if pick == 0:
            return b""
        if pick < 8:
            return self.random.randrange(-1000, 1000)
        if pick == 8:
            return round(self.random.uniform(-1e6, 1e6), 3)
        if pick == 9:
            return b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
        if pick == 10:
            return self.random.randbytes(self.random.randrange(3000))
        if pick == 11:
            return self.random.randbytes(1) * self.random.randrange(20000)
        return b"value-%d" % self.random.randrange(50)

    def _value_int(self):
        pick = self.random.randrange(20)
        if pick == 0:
            return self.random.choice([b"", b"x", b"1.5", b"9223372036854775807",
                                       b"-9223372036854775808", b"9223372036854775808", b" 1"])
        return self.random.randrange(-20, 20)

    def _value_index(self):
        if self.random.randrange(30) == 0:
            return self.random.choice([b"x", b"", b"9223372036854775807", b"-99999999999"])
        return self.random.randrange(-12, 12)

    def _value_count(self):
        return self.random.choice([0, 1, 2, 3, 5, 10, 10, -1, b"x"])

    def _value_offset(self):
        if self.random.randrange(20) == 0:
            return self.random.choice([b"-1", b"x", b"", b"1099511627776"])
        return self.random.randrange(500)

    def _value_bits(self):
        return self.random.choice([b"u8", b"i16", b"u63", b"i64", b"u1", b"i5", b"u64", b"x"])

    def _value_float(self):
        return self.random.choice([b"0", b"1.5", b"-2.25", b"3e3", b"0.1", b"inf", b"nan", b"x"])

    def _value_score(self):
        pick = self.random.randrange(40)
        if pick == 0:
            return self.random.choice([b"inf", b"-inf", b"nan", b"x", b"1e308"])
        return self.random.choice([pick - 20, (pick - 20) / 4])

    def _value_scoremin(self):
        return self.random.choice([b"-inf", b"(-3", b"-2", b"0", b"(1", b"x"])

    def _value_scoremax(self):
        return self.random.choice([b"+inf", b"(3", b"2", b"0.5", b"10"])

    def _value_lexmin(self):
        return self.random.choice([b"-", b"[member-1", b"(member-3", b"[", b"x"])

    def _value_lexmax(self):
        return self.random.choice([b"+", b"[member-7", b"(member-5"])

    def _value_member(self):
        pick = self.random.randrange(30)
        if pick == 0:
            return b""
        if pick == 1:
            return self.random.randbytes(self.random.randrange(100))
        if pick < 12:
            return self.random.randrange(40)
        return b"member-%d" % self.random.randrange(20)

    _value_field = _value_member

    def _value_big(self):
        if self.random.randrange(30) == 0:
            return self.random.choice([b"x", b"0", b"-1", b"9223372036854775807", b""])
        return self.random.randrange(100000, 200000)

    def _value_big_ms(self):
        return b"%d" % self.random.randrange(100000000, 200000000)

    def _value_unixtime(self):
        return FAR_FUTURE + self.random.randrange(1000)

    def _value_unixtime_ms(self):
        return (FAR_FUTURE + self.random.randrange(1000)) * 1000

    def _value_longitude(self):
        return self.random.choice([13.361389, 15.087269, -70.5, 0, 181])

    def _value_latitude(self):
        return self.random.choice([38.115556, 37.502669, -33.4, 0])

    def _value_radius(self):
        return self.random.choice([100, 200, 20000, b"x"])

    def _value_id(self):
        pick = self.random.randrange(20)
        if pick == 0:
            return self.random.choice([b"0-0", b"x", b"1-x", b"18446744073709551615-1"])
        if pick == 1:
            return b"%d-*" % self.random.randrange(1000)
        return b"%d-%d" % (self.random.randrange(2000), self.random.randrange(3))

    def _value_group(self):
        return self.random.choice([b"readers", b"readers", b"readers", b"writers"])

    def _value_consumer(self):
        return self.random.choice([b"first", b"second"])

    def _value_payload(self):
        return self.random.choice([*self.payloads, b"broken", b""])

    def _value_sha(self):
        return self.random.choice([*LOADABLE.values(), b"f" * 40, b"x"])

    def _value_loadable(self):
        return self.random.choice([*LOADABLE, b"syntax error"])
