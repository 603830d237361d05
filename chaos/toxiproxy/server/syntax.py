"""What Go's JSON scanner says of a body that is no JSON: clients show the message to people, and compare it.

Only asked where Python's decoder has refused a body. It works on bytes, as Go's does.
"""

from collections.abc import Callable

from chaos.toxiproxy.server.errors import ApiError, bad_body

MAX_DEPTH = 10_000
_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_QUOTED = {"'": r"\'", "\n": r"\n", "\t": r"\t", "\r": r"\r", "\a": r"\a", "\b": r"\b", "\f": r"\f", "\v": r"\v"}
_LAST_ASCII = 0x7F


class _EndOfInputError(Exception):
    """The text ends within a value."""


def syntax_error(body: bytes) -> ApiError:
    """Return the error of the first value of a body."""
    try:
        _Scanner(body).value()
    except _EndOfInputError:
        return bad_body("unexpected EOF")
    except ApiError as error:
        return error
    # Go reads what Python does not: too deep for one, or a number too long.
    return bad_body("exceeded max depth")


def _quoted(byte: int) -> str:
    """Return a byte as Go quotes it."""
    char = chr(byte)
    if char == "\\":
        return r"\\"
    if char in _QUOTED:
        return _QUOTED[char]
    if char.isprintable():
        return char
    return f"\\x{byte:02x}" if byte <= _LAST_ASCII else f"\\u{byte:04x}"


class _Scanner:
    """Walks over one value; `_at` is the next byte."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def value(self) -> None:
        """Walk over the first value. Raises ApiError or _EndOfInputError."""
        open_: list[bytes] = []
        self._skip()
        while True:
            opened = self._begin(open_)
            while not opened:
                if not open_:
                    return
                opened = self._next(open_)

    def _begin(self, open_: list[bytes]) -> bool:
        """Walk over a scalar, or into an array or object; say whether a value has to follow."""
        byte = self._take()
        if byte in b"[{":
            open_.append(bytes([byte]))
            if len(open_) > MAX_DEPTH:
                raise bad_body("exceeded max depth")
            self._skip()
            if self._peek() == (b"]" if byte == ord("[") else b"}")[0]:
                self._at += 1
                open_.pop()
                return False
            if byte == ord("{"):
                self._key()
            return True
        self._scalar(byte)
        return False

    def _next(self, open_: list[bytes]) -> bool:
        """Walk over what follows a value in its array or object; say whether a value has to follow."""
        self._skip()
        byte, in_array = self._take(), open_[-1] == b"["
        if byte == (b"]" if in_array else b"}")[0]:
            open_.pop()
            return False
        if byte != ord(","):
            raise self._invalid("after array element" if in_array else "after object key:value pair")
        self._skip()
        if not in_array:
            self._key()
        return True

    def _key(self) -> None:
        if self._take() != ord('"'):
            raise self._invalid("looking for beginning of object key string")
        self._string()
        self._skip()
        if self._take() != ord(":"):
            raise self._invalid("after object key")
        self._skip()

    def _scalar(self, byte: int) -> None:
        words = {ord(word[0]): word for word in ("true", "false", "null")}
        if byte == ord('"'):
            self._string()
        elif byte in words:
            for expected in words[byte][1:]:
                if self._take() != ord(expected):
                    raise self._invalid(f"in literal {words[byte]} (expecting '{expected}')")
        elif byte == ord("-") or byte in _DIGITS:
            self._number(byte)
        else:
            raise self._invalid("looking for beginning of value")

    def _string(self) -> None:
        while (byte := self._take()) != ord('"'):
            if byte < ord(" "):
                raise self._invalid("in string literal")
            if byte == ord("\\"):
                self._escape()

    def _escape(self) -> None:
        byte = self._take()
        if byte == ord("u"):
            for _ in range(4):
                self._expect(_HEX, r"in \u hexadecimal character escape")
        elif byte not in b'bfnrt\\/"':
            raise self._invalid("in string escape code")

    def _number(self, byte: int) -> None:
        if byte == ord("-"):
            byte = self._expect(_DIGITS, "in numeric literal")
        if byte != ord("0"):
            self._while(_DIGITS.__contains__)
        if self._peek(end=0) == ord("."):
            self._at += 1
            self._expect(_DIGITS, "after decimal point in numeric literal")
            self._while(_DIGITS.__contains__)
        if self._peek(end=0) in b"eE":
            self._at += 1
            if self._peek() in b"+-":
                self._at += 1
            self._expect(_DIGITS, "in exponent of numeric literal")
            self._while(_DIGITS.__contains__)

    def _expect(self, allowed: bytes, where: str) -> int:
        byte = self._take()
        if byte not in allowed:
            raise self._invalid(where)
        return byte

    def _skip(self) -> None:
        self._while(_SPACE.__contains__)

    def _while(self, belongs: Callable[[int], bool]) -> None:
        while self._at < len(self._body) and belongs(self._body[self._at]):
            self._at += 1

    def _peek(self, *, end: int | None = None) -> int:
        """Return the next byte; at the end of the text `end`, or raise _EndOfInputError."""
        if self._at < len(self._body):
            return self._body[self._at]
        if end is None:
            raise _EndOfInputError
        return end

    def _take(self) -> int:
        byte = self._peek()
        self._at += 1
        return byte

    def _invalid(self, where: str) -> ApiError:
        return bad_body(f"invalid character '{_quoted(self._body[self._at - 1])}' {where}")
