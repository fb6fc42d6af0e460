# /// script
# requires-python = ">=3.11"
# dependencies = ["pillow>=11"]
# ///
"""Draws the pictures of the sample records: `python scripts/sample_images.py [folder]`.

Coordinates are those of the finished picture (640 x 336); everything is drawn three times as large
and scaled down, which smooths the edges. Nothing is random, so a second run gives the same files.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageColor, ImageDraw

WIDTH, HEIGHT, SCALE = 640, 336, 3
FOLDER = Path(__file__).parent.parent / "bot" / "demo" / "sample" / "images"

Point = tuple[float, float]


def scatter(count: int) -> Iterator[Point]:
    """Points in the unit square that look random and keep their distance (the R2 sequence)."""
    for i in range(1, count + 1):
        yield (i * 0.7548776662) % 1, (i * 0.5698402910) % 1


def between(a: Point, b: Point, part: float) -> Point:
    """The point that lies `part` of the way from a to b."""
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part


def curve(a: Point, b: Point, c: Point, d: Point, steps: int = 48) -> list[Point]:
    """A cubic Bézier curve from a to d."""
    points = []
    for i in range(steps + 1):
        t = i / steps
        ab, bc, cd = between(a, b, t), between(b, c, t), between(c, d, t)
        points.append(between(between(ab, bc, t), between(bc, cd, t), t))
    return points


def turned(points: Sequence[Point], angle: float, at: Point, size: float = 1) -> list[Point]:
    """The points, scaled and turned (degrees, clockwise) about the origin and moved to `at`."""
    cos, sin = math.cos(math.radians(angle)) * size, math.sin(math.radians(angle)) * size
    return [(at[0] + x * cos - y * sin, at[1] + x * sin + y * cos) for x, y in points]


class Picture:
    """A canvas that blends: every colour may be given an alpha of 0 to 1."""

    def __init__(self, top: str, bottom: str, width: int = WIDTH, height: int = HEIGHT) -> None:
        self.size = width, height
        self._image = Image.new("RGB", (width * SCALE, height * SCALE))
        self._draw = ImageDraw.Draw(self._image, "RGBA")
        self.shade([(0, 0), (width, 0), (width, height), (0, height)], top, bottom)

    def save(self, path: Path) -> None:
        """Writes a PNG of 256 colours: chosen to keep the accents, dithered to keep the gradients smooth."""
        small = self._image.resize(self.size, Image.Resampling.LANCZOS)
        palette = small.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
        small.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)

    @staticmethod
    def _ink(colour: str, alpha: float) -> tuple[int, int, int, int]:
        red, green, blue = ImageColor.getrgb(colour)[:3]
        return red, green, blue, round(alpha * 255)

    def poly(self, points: Sequence[Point], colour: str, alpha: float = 1) -> None:
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=self._ink(colour, alpha))

    def oval(
        self, at: Point, rx: float, ry: float | None = None, colour: str = "white", alpha: float = 1
    ) -> None:
        self.poly(self.round(at, rx, ry), colour, alpha)

    @staticmethod
    def round(
        at: Point, rx: float, ry: float | None = None, start: float = 0, end: float = 360
    ) -> list[Point]:
        """Points along an ellipse, from `start` to `end` degrees, clockwise from the right."""
        ry = rx if ry is None else ry
        steps = [math.radians(start + (end - start) * i / 120) for i in range(121)]
        return [(at[0] + rx * math.cos(t), at[1] + ry * math.sin(t)) for t in steps]

    def box(
        self, x0: float, y0: float, x1: float, y1: float, r: float, colour: str, alpha: float = 1
    ) -> None:
        edges = (x0 * SCALE, y0 * SCALE, x1 * SCALE, y1 * SCALE)
        self._draw.rounded_rectangle(edges, r * SCALE, fill=self._ink(colour, alpha))

    def line(self, points: Sequence[Point], width: float, colour: str, alpha: float = 1) -> None:
        """A line of even width with round ends and joints, blended as one shape."""
        mask = Image.new("L", self._image.size)
        draw = ImageDraw.Draw(mask)
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        draw.line(scaled, fill=round(alpha * 255), width=round(width * SCALE), joint="curve")
        reach = width * SCALE / 2
        for x, y in (scaled[0], scaled[-1]):
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=round(alpha * 255))
        self._image.paste(self._ink(colour, 1)[:3], mask=mask)

    def dashes(self, points: Sequence[Point], width: float, colour: str, alpha: float = 1) -> None:
        for start in range(0, len(points) - 2, 4):
            self.line(points[start : start + 3], width, colour, alpha)

    def shade(self, points: Sequence[Point], top: str, bottom: str) -> None:
        """A polygon whose colour runs from `top` to `bottom`."""
        xs, ys = [x * SCALE for x, _ in points], [y * SCALE for _, y in points]
        left, upper = math.floor(min(xs)), math.floor(min(ys))
        size = max(1, math.ceil(max(xs)) - left), max(1, math.ceil(max(ys)) - upper)
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).polygon([(x - left, y - upper) for x, y in zip(xs, ys, strict=True)], fill=255)
        ramp = Image.linear_gradient("L").resize(size, Image.Resampling.BICUBIC)
        colours = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)
        self._image.paste(colours, (left, upper), mask)

    def glow(self, at: Point, r: float, colour: str, alpha: float = 1) -> None:
        """Light that fades out to nothing at the distance r."""
        side = round(r * 2 * SCALE)
        fading = Image.radial_gradient("L").point(
            [round(max(0.0, 1 - i / 181) ** 2 * alpha * 255) for i in range(256)]
        )
        mask = fading.resize((side, side), Image.Resampling.BICUBIC)
        corner = round((at[0] - r) * SCALE), round((at[1] - r) * SCALE)
        self._image.paste(self._ink(colour, 1)[:3], (*corner, corner[0] + side, corner[1] + side), mask)

    def stars(self, count: int, depth: float = HEIGHT) -> None:
        for i, (x, y) in enumerate(scatter(count)):
            self.oval(
                (x * WIDTH, y * depth), 0.5 + (i % 5) * 0.22, colour="white", alpha=0.35 + (i % 4) * 0.17
            )

    def frame(self, x0: float, y0: float, x1: float, y1: float, colour: str, width: float = 3) -> None:
        """The four corners of a detection box."""
        arm = min(x1 - x0, y1 - y0) * 0.24
        for x, y, dx, dy in ((x0, y0, 1, 1), (x1, y0, -1, 1), (x1, y1, -1, -1), (x0, y1, 1, -1)):
            self.line([(x, y + dy * arm), (x, y), (x + dx * arm, y)], width, colour)

    def waves(self, y: float, height: float, length: float, shift: float, top: str, bottom: str) -> None:
        """Water from y down to the lower edge, with an even swell."""
        swell = [(x, y + height * math.sin((x + shift) / length * math.tau)) for x in range(0, WIDTH + 8, 4)]
        self.shade([*swell, (WIDTH, HEIGHT), (0, HEIGHT)], top, bottom)


# From here on the formatter is off: coordinates read better in rows than one to a line.
# fmt: off

def metro() -> Picture:
    """A station's vault, passengers, and the camera above them."""
    p = Picture("#141233", "#1f1a4a")
    centre = (320.0, 206.0)
    tones = ("#1c1844", "#272058", "#33286c", "#443182", "#5d3d96", "#8450a4", "#b868ab", "#f09aa6", "#ffd3a8")
    for i, tone in enumerate(tones):
        r = 330 * 0.72**i
        p.poly([*p.round(centre, r * 1.12, r * 0.92, 180, 360), (320 + r * 1.12, 336), (320 - r * 1.12, 336)], tone)
    p.glow(centre, 150, "#ffe3b8", 0.8)
    p.shade([(296, 216), (344, 216), (470, 336), (170, 336)], "#3a2450", "#120f2b")
    for side in (-1, 1):
        p.shade([(320 + side * 24, 216), (320 + side * 400, 216), (320 + side * 400, 336), (320 + side * 150, 336)], "#a0619c", "#332561")
        p.poly([(320 + side * 24, 216), (320 + side * 27, 216), (320 + side * 164, 336), (320 + side * 150, 336)], "#ffcf7d")
        p.line([(320 + side * 8, 218), (320 + side * 62, 336)], 2.5, "#c79bc4", 0.8)
    p.poly([(470, 74), (626, 336), (396, 336)], "#7ff3e1", 0.2)
    people = (
        (66, 1.5, "#171338"), (150, 1.08, "#251a4c"), (212, 0.74, "#3b2460"), (436, 0.8, "#3b2460"),
        (508, 1.26, "#1e163f"), (598, 1.6, "#171338"),
    )
    for i, (x, size, tone) in enumerate(people):
        neck, hip, foot = 222 - 10 * size, 222 + 34 * size, 222 + 76 * size
        for side in (-1, 1):
            p.line([(x + side * 6 * size, hip - 4), (x + side * 7 * size, foot)], 10 * size, tone)
            p.line([(x + side * 15 * size, neck + 8 * size), (x + side * 19 * size, neck + 34 * size)], 8 * size, tone)
        coat = [*curve((-6, 0), (-16, 1), (-20, 4), (-20, 14), 12), (-15, 54), (15, 54), *curve((20, 14), (20, 4), (16, 1), (6, 0), 12)]
        p.poly(turned(coat, 0, (x, neck), size), tone)
        p.poly(turned([(-5, -8), (5, -8), (6, 4), (-6, 4)], 0, (x, neck), size), tone)
        p.oval((x, neck - 17 * size), 11.5 * size, 13.5 * size, tone)
        if i % 2:
            p.box(x + 12 * size, hip - 4 * size, x + 30 * size, hip + 16 * size, 3 * size, tone)
    p.frame(482, 164, 534, 214, "#7ff3e1", 3.4)
    p.frame(418, 182, 454, 217, "#7ff3e1", 2.4)
    p.box(462, 0, 478, 36, 3, "#0d0b22")
    p.box(430, 30, 510, 46, 8, "#e9e4ff")
    p.shade(p.round((470, 46), 36, 38, 0, 180), "#3c3670", "#0d0b22")
    p.oval((470, 60), 14, 14, "#0d0b22")
    p.oval((470, 61), 9, 9, "#7ff3e1")
    p.oval((467, 58), 3, 3, "#ffffff")
    p.line(p.round((470, 46), 29, 30, 110, 160), 2.5, "#ffffff", 0.35)
    return p


def lens() -> Picture:
    """A camera's lens, looking back."""
    p = Picture("#ff8a70", "#b5316f")
    p.glow((120, 40), 330, "#ffd79a", 0.75)
    p.oval((560, 300), 150, colour="#7c1f63", alpha=0.35)
    p.oval((70, 300), 92, colour="#ffb27d", alpha=0.35)
    c = (320.0, 168.0)
    p.oval((332, 184), 150, colour="#4b0f48", alpha=0.35)
    for r, top, bottom in ((148, "#46406f", "#1b1738"), (136, "#14112b", "#2a2550"), (122, "#3a3465", "#171432"), (106, "#0d0b20", "#1c1838")):
        p.shade(p.round(c, r), top, bottom)
    for i in range(72):
        angle = math.radians(i * 5)
        reach = 143 if i % 6 else 146
        p.line(
            [(c[0] + 138 * math.cos(angle), c[1] + 138 * math.sin(angle)), (c[0] + reach * math.cos(angle), c[1] + reach * math.sin(angle))],
            1.6, "#a49bd6", 0.75,
        )
    p.shade(p.round(c, 96), "#4731a8", "#0fb5a5")
    p.glow((346, 206), 110, "#63ffd6", 0.55)
    for i in range(7):
        angle, following = math.radians(i * 360 / 7), math.radians((i + 1) * 360 / 7)
        rim = p.round(c, 96, 96, math.degrees(angle), math.degrees(following) + 24)
        tips = [(c[0] + 46 * math.cos(a + 0.9), c[1] + 46 * math.sin(a + 0.9)) for a in (following, angle)]
        p.poly([*rim, *tips], ("#251f55", "#2d2664")[i % 2] if i < 6 else "#352d72")
        p.line([rim[0], tips[1], tips[0]], 1.4, "#8f7fe6", 0.6)
    p.shade(p.round((c[0], c[1]), 26), "#0b0920", "#2f1d5c")
    p.oval((280, 122), 26, 19, "#ffffff", 0.5)
    p.oval((312, 102), 7, 6, "#ffffff", 0.6)
    p.line(p.round(c, 101, 101, 20, 78), 5, "#ffffff", 0.16)
    p.frame(146, 22, 494, 314, "#fff3df", 5)
    return p


def ferry() -> Picture:
    """A ferry at night, and the warmth of a whale ahead of it."""
    p = Picture("#0b1740", "#2b6f8f")
    p.stars(70, 150)
    p.glow((520, 70), 130, "#bfe9ff", 0.5)
    p.oval((520, 70), 26, colour="#f3fbff")
    p.oval((531, 63), 23, colour="#25507f", alpha=0.25)
    p.poly(
        [(0, 190), (60, 158), (130, 176), (210, 142), (300, 182), (380, 166), (470, 184), (560, 160), (640, 180), (640, 210), (0, 210)],
        "#123458", 0.9,
    )
    p.waves(194, 2, 90, 0, "#2f86a0", "#0c2a55")
    for i in range(9):
        p.box(500 - i * 2.5, 204 + i * 7, 540 + i * 2.5, 206.5 + i * 7, 1, "#e8f8ff", 0.42 - i * 0.04)
    p.poly([(240, 92), (640, 196), (640, 290)], "#ffcf6b", 0.16)
    p.shade([(36, 198), (300, 198), (276, 240), (60, 240)], "#f4f7fb", "#9db4cc")
    p.poly([(42, 212), (294, 212), (276, 240), (60, 240)], "#e4572e")
    p.box(66, 166, 270, 200, 5, "#ffffff")
    p.box(88, 138, 246, 168, 5, "#dfe8f2")
    p.box(150, 112, 238, 140, 5, "#ffffff")
    p.shade([(104, 96), (136, 96), (140, 140), (100, 140)], "#e4572e", "#a8371a")
    p.line([(230, 112), (238, 90)], 3.5, "#dfe8f2")
    p.oval((240, 90), 6, colour="#ffcf6b")
    for row, (start, count, y) in enumerate(((78, 12, 178), (98, 9, 147), (186, 4, 119))):
        for i in range(count):
            p.box(start + i * (16 - row), y, start + 9 + i * (16 - row), y + 10, 2, "#ffcf6b")
    p.waves(236, 4, 70, 20, "#1b5f86", "#0a1f48")
    p.glow((490, 262), 96, "#ff8f3c", 0.65)
    p.shade([*curve((440, 268), (462, 236), (520, 234), (550, 268))], "#ffe08a", "#e4472e")
    p.poly([(516, 246), (534, 236), (532, 256)], "#f0653a")
    for lean in (-16, 0, 16):
        p.line(curve((478, 240), (478, 222), (478 + lean, 212), (478 + lean * 1.5, 206)), 3.4, "#fff0bd", 0.9)
    p.waves(268, 4, 84, 48, "#124a78", "#081738")
    p.frame(424, 196, 566, 280, "#8dffdf", 3.6)
    p.waves(298, 5, 110, 10, "#0e3763", "#061029")
    return p


def whale() -> Picture:
    """A whale's tail at dusk, found by the machine."""
    p = Picture("#ff9e7a", "#ffe3b0")
    p.glow((420, 190), 240, "#fff6d6", 0.95)
    p.oval((420, 186), 54, colour="#fffbe9")
    for x, y, w in ((90, 62, 120), (150, 84, 84), (520, 58, 96), (560, 78, 60), (250, 42, 60)):
        p.box(x - w / 2, y - 5, x + w / 2, y + 5, 5, "#ffffff", 0.38)
    p.waves(196, 2, 100, 0, "#f2a07b", "#2a6f8e")
    p.poly([(70, 192), (146, 192), (138, 204), (80, 204)], "#5d3b63")
    p.box(84, 180, 132, 194, 2, "#7a5176")
    p.box(104, 170, 112, 182, 1, "#5d3b63")
    for i in range(8):
        p.box(420 - 46 + i * 4, 203 + i * 6, 420 + 46 - i * 4, 205.4 + i * 6, 1.2, "#fff3cf", 0.6 - i * 0.06)
    p.waves(224, 4, 120, 30, "#3d8ea2", "#1d5379")
    left = [*curve((0, 8), (-16, -30), (-60, -48), (-122, -64)), *curve((-122, -64), (-114, -18), (-64, 12), (-20, 40))]
    right = [(-x, y) for x, y in reversed(left)]
    stem = [
        *curve((-20, 40), (-17, 70), (-26, 104), (-48, 150)),
        *reversed([(-x, y) for x, y in curve((-20, 40), (-17, 70), (-26, 104), (-48, 150))]),
    ]
    p.shade(turned([*left, *stem, *right], 6, (312, 138)), "#2c3f6e", "#12233f")
    p.poly(
        turned([*curve((0, 8), (-16, -30), (-60, -48), (-122, -64)), *curve((-122, -64), (-70, -36), (-24, -16), (0, 30))], 6, (312, 138)),
        "#4d6599", 0.75,
    )
    for x, y, r in ((206, 110, 3), (222, 128, 2), (416, 142, 2.6), (398, 158, 2), (300, 206, 2.4), (334, 222, 2), (238, 150, 2.4), (378, 176, 1.8)):
        p.oval((x, y), r, r * 1.5, "#d9f3ff", 0.9)
    p.waves(258, 6, 96, 0, "#2f7f9b", "#184a72")
    p.line([(252, 262), (276, 255), (304, 260), (332, 255), (366, 262)], 3, "#e3f6ff", 0.8)
    p.waves(288, 6, 120, 50, "#216488", "#0f2f57")
    p.waves(314, 5, 90, 15, "#184f78", "#0b2447")
    p.frame(172, 52, 462, 272, "#ffffff", 4.4)
    return p


def macaques() -> Picture:
    """Many faces, every one its own."""
    p = Picture("#15463f", "#0c2a35")
    p.glow((320, 168), 380, "#3fa37c", 0.45)
    furs = ("#b98a5e", "#8f6a4f", "#d1a877", "#a57552", "#7d6a5d", "#c79563")
    skins = ("#f6c9a8", "#eeb39a", "#f9d5b5", "#e8a58c")
    tiles = ("#1f5f56", "#27736a", "#1b5566", "#2f7d5c")
    found = {5: "#ffcf5c", 11: "#7df0d8", 14: "#ff8f7a"}
    for i in range(18):
        x, y = 58 + (i % 6) * 104.8, 56 + (i // 6) * 112.0
        p.box(x - 47, y - 51, x + 47, y + 51, 14, tiles[(i * 3 + i // 6) % 4])
        fur, skin, wide = furs[(i * 5 + 2) % 6], skins[(i * 3 + 1) % 4], 30 + (i * 7) % 5
        for side in (-1, 1):
            p.oval((x + side * wide, y), 10, 11, fur)
            p.oval((x + side * wide, y), 5.5, 6.5, skin)
        p.oval((x, y), wide, 35, fur)
        p.poly([(x - 9, y - 33), (x - 3 + i % 3 * 3, y - 43 - i % 4), (x + 9, y - 33)], fur)
        for side in (-1, 1):
            p.oval((x + side * 9.5, y - 7), 13, 13, skin)
        p.oval((x, y + 13), 19 + i % 3, 17, skin)
        for side in (-1, 1):
            p.oval((x + side * 10, y - 6), 5, 5.6, "#3a1f1a")
            p.oval((x + side * 10 + 1.6, y - 7.6), 1.6, 1.6, "#ffffff")
            p.oval((x + side * 3.4, y + 7), 1.8, 1.3, "#7a4334")
        smile = 4.5 - (i * 4) % 7
        p.line(curve((x - 9, y + 18), (x - 4, y + 18 + smile), (x + 4, y + 18 + smile), (x + 9, y + 18), 12), 2, "#7a4334")
        if tone := found.get(i):
            p.frame(x - 46, y - 50, x + 46, y + 50, tone, 4)
            marks = ((x - 10, y - 6), (x + 10, y - 6), (x, y + 6), (x - 9, y + 18), (x + 9, y + 18))
            for a, b in ((0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (0, 3), (1, 4)):
                p.line([marks[a], marks[b]], 1.1, "#ffffff", 0.75)
            for mark in marks:
                p.oval(mark, 3.6, 3.6, "#0c2a35")
                p.oval(mark, 2.5, 2.5, tone)
    return p


def sorting() -> Picture:
    """Packaging on a belt, every piece named."""
    p = Picture("#123b4a", "#1d6a6c")
    for x in range(20, 640, 40):
        p.line([(x, 0), (x, 250)], 1, "#7fd6c2", 0.1)
    for y in range(20, 250, 40):
        p.line([(0, y), (640, y)], 1, "#7fd6c2", 0.1)
    p.poly([(320, 40), (610, 252), (30, 252)], "#b9ffe9", 0.13)
    p.poly([(320, 40), (470, 252), (170, 252)], "#b9ffe9", 0.13)
    p.box(312, 0, 328, 20, 2, "#0a222c")
    p.box(276, 14, 364, 50, 9, "#eaf7f2")
    p.oval((320, 50), 17, colour="#0a222c")
    p.oval((320, 51), 10, colour="#45d6b5")
    p.oval((316, 47), 3.4, colour="#ffffff")
    p.box(-10, 250, 650, 268, 4, "#0a222c")
    p.shade([(0, 268), (640, 268), (640, 336), (0, 336)], "#0f3340", "#0a222c")
    for x in range(22, 660, 74):
        p.oval((x, 292), 22, colour="#2a5a66")
        p.oval((x, 292), 14, colour="#0f3340")
        p.oval((x, 292), 4, colour="#7fd6c2")
    # a bottle, a can, a carton, a jar, a cup
    p.shade([(66, 250), (66, 168), (80, 146), (80, 122), (102, 122), (102, 146), (116, 168), (116, 250)], "#7fd0ff", "#2f7fc4")
    p.box(78, 110, 104, 124, 3, "#ffffff")
    p.box(66, 184, 116, 218, 0, "#ffffff", 0.85)
    p.line([(76, 176), (76, 242)], 4, "#ffffff", 0.35)
    p.box(184, 162, 240, 250, 8, "#f0564a")
    p.oval((212, 165), 28, 7, "#ffd9d3")
    p.oval((212, 165), 20, 4.5, "#c7402f")
    p.poly([(184, 190), (240, 206), (240, 226), (184, 210)], "#ffffff", 0.9)
    p.poly([(296, 160), (350, 160), (350, 250), (296, 250)], "#ffd166")
    p.poly([(296, 160), (310, 132), (336, 132), (350, 160)], "#ffb703")
    p.box(310, 124, 336, 134, 2, "#fff3d0")
    p.oval((323, 206), 17, colour="#fb8500")
    p.shade([(408, 250), (402, 184), (410, 172), (462, 172), (470, 184), (464, 250)], "#c8f7c5", "#57b56a")
    p.box(406, 154, 466, 174, 4, "#fefae0")
    p.box(405, 196, 467, 232, 0, "#fefae0", 0.85)
    p.poly([(530, 170), (590, 170), (580, 250), (540, 250)], "#e0b1ff")
    p.poly([(533, 192), (587, 192), (584, 218), (536, 218)], "#9d5fd0")
    p.box(524, 160, 596, 172, 4, "#ffffff")
    p.line([(566, 160), (576, 118), (592, 114)], 4, "#ffffff")
    for x0, y0, x1, tone in (
        (52, 98, 130, "#7fd0ff"), (170, 146, 254, "#ff8f85"), (282, 112, 364, "#ffe08a"), (392, 142, 480, "#a6f5a2"),
        (514, 102, 606, "#e5c4ff"),
    ):
        p.frame(x0, y0, x1, 247, tone, 3.4)
    return p


def trees() -> Picture:
    """A quarter from above: streets, roofs, a bus and every tree."""
    p = Picture("#f6ecd2", "#efe0bd")
    roofs = ("#e9a178", "#dd8266", "#f0bb8d", "#c96f5c", "#e7cfa6")
    blocks = [
        (-10, -10, 150, 92), (190, -10, 420, 92), (460, -10, 650, 92), (-10, 132, 150, 234), (190, 132, 420, 234),
        (460, 132, 650, 234), (-10, 274, 150, 350), (190, 274, 420, 350), (460, 274, 650, 350),
    ]
    for n, (x0, y0, x1, y1) in enumerate(blocks):
        p.box(x0, y0, x1, y1, 12, "#b9d99b" if n in (4, 6) else "#dfcfa4")
        if n == 4:
            p.oval((306, 183), 44, 26, "#7cc4d8")
            p.oval((298, 178), 26, 12, "#a9e0ea")
            continue
        if n == 6:
            continue
        width = (x1 - x0 - 24) / 4
        for i in range(4):
            for row in range(2):
                tall = (y1 - y0 - 26) / 2
                left, upper = x0 + 14 + i * width, y0 + 14 + row * (tall + 2)
                tone = roofs[(n * 3 + i * 2 + row) % 5]
                p.box(left, upper, left + width - 6, upper + tall - 6, 3, tone)
                p.poly(
                    [
                        (left, upper + (tall - 6) / 2), (left + width - 6, upper + (tall - 6) / 2),
                        (left + width - 6, upper + tall - 6), (left, upper + tall - 6),
                    ],
                    "#7a3b35", 0.16,
                )
    for y in (112.0, 254.0):
        p.dashes([(x, y) for x in range(0, 645, 5)], 1.6, "#ffffff", 0.9)
    for x in (170.0, 440.0):
        p.dashes([(x, y) for y in range(0, 340, 5)], 1.6, "#ffffff", 0.9)
    p.poly([(352, 103), (560, 20), (560, 190)], "#ff7a3d", 0.2)
    greens = ("#3f8f54", "#58a85f", "#2f7a4d", "#7cbb5e", "#94c45a")
    spots: list[Point] = [(x, y) for y in (90, 134, 232, 276) for x in range(16, 640, 31) if not 152 < x < 188 and not 422 < x < 458]
    spots += [(x, y) for x in (151, 190, 420, 459) for y in (28, 56, 158, 186, 210, 300, 326)]
    spots += [(30 + a * 106, 292 + b * 34) for a, b in scatter(9)] + [(206 + a * 200, 146 + b * 14) for a, b in scatter(6)]
    for i, (x, y) in enumerate(spots):
        r = 8.5 + (i * 7) % 5
        p.oval((x + 3, y + 4), r, colour="#5a4a2a", alpha=0.25)
        p.oval((x, y), r, colour=greens[(i * 3) % 5])
        p.oval((x - r * 0.25, y - r * 0.28), r * 0.55, colour="#ffffff", alpha=0.2)
        if 352 < x < 560 and abs(y - 112) < (x - 352) * 0.4 + 12:
            p.line(p.round((x, y), r + 3.5), 2, "#e4471b")
    p.box(272, 96, 356, 126, 7, "#5a4a2a", 0.25)
    p.box(268, 92, 352, 122, 7, "#e4471b")
    p.box(280, 98, 300, 116, 3, "#ffffff", 0.5)
    p.box(308, 98, 328, 116, 3, "#ffffff", 0.5)
    p.box(339, 96, 347, 118, 3, "#2b3a4a")
    return p


def benchmark() -> Picture:
    """A wall of labelled pictures, of which one in ten is wrong."""
    p = Picture("#2a2f6b", "#4a2a78")
    p.glow((500, 40), 320, "#8f5fe0", 0.5)
    tones = ("#6fd3ff", "#ffd166", "#8ef0b4", "#ffb3d1", "#c3b5ff", "#ffe9c7")
    wrong = {9, 21, 35}
    order = [n for n in range(40) if n not in wrong] + sorted(wrong)
    for n in order:
        x, y = 44 + (n % 8) * 78.8, 34 + (n // 8) * 67.0
        bad = n in wrong
        angle, size = ((-9, 12, -7)[sorted(wrong).index(n)], 1.2) if bad else (0, 1.0)
        tile = turned([(-33, -28), (33, -28), (33, 28), (-33, 28)], angle, (x, y), size)
        if bad:
            p.poly([(a + 5, b + 7) for a, b in tile], "#120c33", 0.55)
        p.poly(tile, "#ff5470" if bad else "#474c9c")
        p.poly(turned([(-29, -24), (29, -24), (29, 13), (-29, 13)], angle, (x, y), size), "#fff1f3" if bad else "#262a63")
        tone = "#ff5470" if bad else tones[(n * 5 + n // 8) % 6]
        match (n * 3 + n // 8) % 5:
            case 0:
                shape = p.round((0, -5), 13)
            case 1:
                shape = [(-16, 8), (0, -19), (16, 8)]
            case 2:
                shape = [*curve((-16, 8), (-16, -16), (4, -20), (17, -18)), *curve((17, -18), (18, 0), (6, 10), (-16, 8))]
            case 3:
                shape = [
                    ((16 if i % 2 == 0 else 7) * math.sin(i * math.pi / 5), -5 - (16 if i % 2 == 0 else 7) * math.cos(i * math.pi / 5))
                    for i in range(10)
                ]
            case _:
                shape = [(-13, -17), (13, -17), (13, 8), (-13, 8)]
        p.poly(turned(shape, angle, (x, y), size), tone)
        p.line(turned([(-25, 20.5), (-25 + 18 + (n * 11) % 26, 20.5)], angle, (x, y), size), 4, "#ffffff" if bad else "#8b8fe0", 0.9)
        if bad:
            at = turned([(30, -25)], angle, (x, y), size)[0]
            p.oval(at, 12, colour="#ffffff")
            for slope in (-1, 1):
                p.line([(at[0] - 4.5, at[1] - 4.5 * slope), (at[0] + 4.5, at[1] + 4.5 * slope)], 3.2, "#ff5470")
    return p


def storm() -> Picture:
    """A storm seen from above, the way it was to go and the way it went."""
    p = Picture("#0c2350", "#14568a")
    p.glow((230, 190), 330, "#2f9fc4", 0.5)
    coast = [
        (640, 0), (640, 336), (596, 336), *curve((596, 336), (520, 300), (610, 230), (548, 190)),
        *curve((548, 190), (500, 150), (560, 90), (470, 66)), *curve((470, 66), (430, 54), (450, 20), (410, 0)),
    ]
    p.poly([(x - 7, y + 5) for x, y in coast], "#8fe3d8", 0.25)
    p.shade(coast, "#5fae7b", "#2f7f6b")
    for x, y in scatter(26):
        at = (520 + x * 116, 12 + y * 310)
        if at[0] > 570 or at[1] < 60:
            p.oval(at, 7 + x * 8, 3 + y * 3, "#2a6f5c", 0.5)
    for y in range(30, 336, 44):
        p.line([(0, y), (640, y)], 1, "#ffffff", 0.07)
    for x in range(40, 640, 60):
        p.line([(x, 0), (x, 336)], 1, "#ffffff", 0.07)
    eye = (214.0, 186.0)
    for arm in range(5):
        for layer, (tone, alpha) in enumerate((("#ffffff", 0.16), ("#e6f6ff", 0.28), ("#ffffff", 0.5))):
            outer, inner = [], []
            for i in range(70):
                t = i / 69
                angle = arm * math.tau / 5 - t * 3.5 + layer * 0.1
                r = 20 + 128 * t**1.25
                thick = (26 - layer * 8) * math.sin(math.pi * (0.12 + 0.88 * t)) + 1
                outer.append((eye[0] + (r + thick) * math.cos(angle) * 1.12, eye[1] + (r + thick) * math.sin(angle)))
                inner.append((eye[0] + (r - thick * 0.5) * math.cos(angle) * 1.12, eye[1] + (r - thick * 0.5) * math.sin(angle)))
            p.poly([*outer, *reversed(inner)], tone, alpha)
    p.oval(eye, 32, 30, "#ffffff", 0.85)
    p.oval(eye, 14, 13, "#0f3a6b")
    p.dashes(curve(eye, (300, 110), (360, 40), (372, -20), 60), 3, "#ffffff", 0.8)
    path = curve(eye, (320, 96), (420, 110), (552, 176))
    p.poly([eye, *curve(eye, (310, 70), (430, 70), (566, 126))[4:], *reversed(curve(eye, (330, 130), (420, 160), (546, 222))[4:])], "#ffb347", 0.22)
    p.line(path, 5, "#ffb347")
    for i in (14, 24, 34, 42):
        p.oval(path[i], 6.5, colour="#0c2350")
        p.oval(path[i], 4, colour="#ffe2ad")
    p.glow((552, 176), 44, "#ff5a3c", 0.8)
    p.oval((552, 176), 11, colour="#ffffff")
    p.oval((552, 176), 7.5, colour="#ff5a3c")
    return p


def whistle() -> Picture:
    """A sound that crosses a valley."""
    p = Picture("#5b3a8c", "#ffb98a")
    p.stars(30, 90)
    p.glow((330, 206), 250, "#ffe9bd", 0.8)
    ranges = (
        ([(0, 190), (70, 140), (130, 176), (210, 118), (290, 190), (350, 160), (430, 192), (510, 122), (580, 170), (640, 134)], "#c77b9c", "#e39a94"),
        (
            [(0, 160), (60, 104), (120, 158), (176, 190), (240, 236), (320, 252), (400, 240), (470, 178), (530, 140), (590, 96), (640, 140)],
            "#8a4f93", "#a9638f",
        ),
        (
            [(0, 150), (34, 134), (90, 196), (150, 226), (220, 270), (320, 292), (430, 268), (510, 214), (566, 190), (610, 144), (640, 152)],
            "#55347c", "#6f3f80",
        ),
        ([(0, 214), (30, 206), (90, 240), (170, 282), (320, 318), (460, 290), (556, 236), (600, 222), (640, 220)], "#2f2158", "#22183f"),
    )
    for ridge, top, bottom in ranges:
        p.shade([*ridge, (640, 336), (0, 336)], top, bottom)
    for x, y in ((58.0, 214.0), (584.0, 216.0)):
        facing = 1 if x < 320 else -1
        p.poly([(x - 12, y + 30), (x - 7, y - 8), (x + 7, y - 8), (x + 12, y + 30)], "#140d2c")
        p.oval((x, y - 17), 8, colour="#140d2c")
        p.poly([(x - 14, y - 20), (x + 14, y - 20), (x + 6, y - 23), (x + 4, y - 30), (x - 4, y - 30), (x - 6, y - 23)], "#140d2c")
        p.line([(x + facing * 4, y - 4), (x + facing * 15, y - 2), (x + facing * 8, y - 13)], 4, "#140d2c")
    for i in range(45):
        x = 98 + i * 10.0
        part = i / 44
        loud = math.sin(math.pi * part) * (0.45 + 0.55 * abs(math.sin(i * 0.62) * math.cos(i * 0.23)))
        half = 5 + 58 * loud
        y = 204 - 30 * math.sin(math.pi * part)
        tone = ("#ffe9a8", "#fff6df", "#8ff0e2")[0 if part < 0.36 else 1 if part < 0.64 else 2]
        p.line([(x, y - half), (x, y + half)], 4.6, tone, 0.92)
    return p


def greenhouse() -> Picture:
    """A soft gripper and the ripest tomato of the row."""
    p = Picture("#bfeee0", "#f7ffe9")
    p.glow((470, 40), 300, "#fff3b5", 0.9)
    for i in range(9):
        x = 320 + (i - 4) * 92
        p.line([(320 + (i - 4) * 30, -4), (x, 150), (x, 336)], 2.4, "#7cc7b4", 0.6)
    for y in (46.0, 98.0, 150.0):
        p.line([(0, y), (640, y)], 2.4, "#7cc7b4", 0.5)
    p.shade([(0, 288), (640, 288), (640, 336), (0, 336)], "#b98f63", "#8c6845")
    for back in (True, False):
        for i in range(10 if back else 6):
            x = 30 + i * 66 if back else 296 + i * 66
            base, top = (290, 106) if back else (302, 62)
            stalk, leaf, dark = ("#9fd3a0", "#a9dba6", "#8fcb96") if back else ("#3f8a4d", "#4fa457", "#357a47")
            p.line([(x, base), (x, top)], 3 if back else 5, stalk)
            for n in range(6):
                y, side = top + 12 + n * (base - top) / 6.4, 1 if (n + i) % 2 else -1
                size = 0.8 if back else 1.2
                blade = [*curve((0, 0), (10, -16), (30, -16), (40, -2)), *curve((40, -2), (26, 10), (10, 8), (0, 0))]
                p.poly(turned([(a * side, b) for a, b in blade], side * 14, (x, y), size), leaf if n % 2 else dark)
            if not back:
                for n, (dx, dy) in enumerate(((-14, 70), (10, 84), (-8, 98), (14, 150), (-12, 166), (8, 182), (-10, 214))):
                    r = 12 - n % 3
                    tone = ("#e83f36", "#f26a3d", "#e83f36", "#f6a04d")[(n + i) % 4]
                    p.oval((x + dx, top + dy), r, colour=tone)
                    p.oval((x + dx - r * 0.3, top + dy - r * 0.35), r * 0.3, colour="#ffffff", alpha=0.6)
    p.box(28, 286, 168, 322, 8, "#26334d")
    p.oval((62, 322), 13, colour="#131b2c")
    p.oval((134, 322), 13, colour="#131b2c")
    p.shade([(68, 286), (76, 244), (120, 244), (128, 286)], "#e8eef6", "#a8b7cb")
    joints: list[Point] = [(98, 244), (62, 148), (166, 84), (232, 146)]
    for a, b, width, tone in ((0, 1, 30, "#ff9f1c"), (1, 2, 25, "#ffb648"), (2, 3, 18, "#ff9f1c")):
        p.line([joints[a], joints[b]], width + 5, "#26334d", 0.2)
        p.line([joints[a], joints[b]], width, tone)
        p.line([between(joints[a], joints[b], 0.2), between(joints[a], joints[b], 0.8)], 3, "#ffffff", 0.5)
    for i, joint in enumerate(joints):
        p.oval(joint, 21 - i * 3, colour="#26334d")
        p.oval(joint, 10 - i * 1.5, colour="#f7ffe9")
    p.oval((284, 204), 25, colour="#e83f36")
    p.oval((275, 195), 7, 6, "#ffffff", 0.7)
    for i in range(5):
        p.poly(turned([(0, 0), (4, -13), (8, 0)], i * 72 - 10, (284, 183), 0.8), "#357a47")
    p.box(224, 146, 252, 168, 6, "#26334d")
    for points in (curve((230, 164), (232, 204), (246, 234), (272, 236)), curve((248, 162), (292, 158), (322, 176), (318, 206))):
        p.line(points, 11, "#26334d")
        p.line(points, 7, "#6fe0c6")
    p.frame(208, 132, 346, 256, "#1f6f8b", 3.6)
    return p


def chip() -> Picture:
    """Light in, light out: a chip with beams for wires."""
    p = Picture("#0a0f2c", "#1b1146")
    p.glow((320, 168), 300, "#3a2bb0", 0.7)
    for n in range(11):
        y = 48 + n * 24
        for side in (-1, 1):
            bend = (n - 5) * 13.0
            track = [
                (320.0 + side * 96, y * 0.62 + 64), (320.0 + side * (134 + abs(n - 5) * 7), y * 0.62 + 64),
                (320.0 + side * (176 + abs(n - 5) * 7), y + bend * 0.4), (320.0 + side * 330, y + bend * 0.4),
            ]
            p.line(track, 2, "#4652b8", 0.55)
            p.oval((320 + side * (200 + (n * 29) % 90), y + bend * 0.4), 3.4, colour="#7080ff", alpha=0.9)
    p.box(206, 54, 446, 294, 20, "#05071a", 0.6)
    for i in range(12):
        at = 222 + i * 17.0
        for x0, y0, x1, y1 in ((at, 40, at + 8, 56), (at, 280, at + 8, 296), (192, at - 152, 208, at - 144), (432, at - 152, 448, at - 144)):
            p.box(x0, y0, x1, y1, 2, "#d9b45b")
    p.shade([(204, 52), (436, 52), (436, 284), (204, 284)], "#2b2a6e", "#171442")
    p.box(216, 64, 424, 272, 8, "#0d0b2b")
    beams = ("#ff5c8a", "#ff9d5c", "#ffe066", "#6dffb0", "#4fd8ff", "#a98bff")
    rows = [92.0 + i * 30.4 for i in range(6)]
    lanes = list(range(6))
    paths: list[list[Point]] = [[(216.0, rows[i])] for i in range(6)]
    for stage in range(4):
        x = 232.0 + stage * 44
        for first in range(stage % 2, 5, 2):
            lanes[first], lanes[first + 1] = lanes[first + 1], lanes[first]
        for row, beam in enumerate(lanes):
            last = paths[beam][-1]
            paths[beam] += [(x, last[1]), *curve((x, last[1]), (x + 18, last[1]), (x + 18, rows[row]), (x + 36, rows[row]), 16)]
    for beam, path in enumerate(paths):
        path.append((424.0, path[-1][1]))
        for width, alpha in ((11, 0.12), (6.5, 0.25), (2.8, 1)):
            p.line(path, width, beams[beam], alpha)
        for end, side in ((path[0], -1), (path[-1], 1)):
            p.line([end, (end[0] + side * 230, end[1])], 2.4, beams[beam], 0.85)
            p.glow(end, 16, beams[beam], 0.9)
            p.oval(end, 3.2, colour="#ffffff")
    return p


def sail() -> Picture:
    """A small satellite under its sail, above the edge of the Earth."""
    p = Picture("#05071c", "#10123a")
    p.stars(120)
    p.glow((40, 30), 260, "#ffdca0", 0.85)
    p.oval((40, 30), 22, colour="#fffaf0")
    p.glow((420, 640), 470, "#5fc8ff", 1)
    p.shade(p.round((420, 640), 386, 386, 180, 360), "#2f8fe0", "#0a2f78")
    for x, y, w in ((300, 300, 90), (352, 312, 60), (440, 276, 110), (510, 292, 70), (560, 318, 90), (236, 326, 60), (400, 328, 80)):
        p.box(x - w / 2, y - 3, x + w / 2, y + 3, 3, "#ffffff", 0.4)
    p.line(p.round((420, 640), 386, 386, 200, 340), 2.5, "#d6f3ff", 0.7)
    c = (352.0, 132.0)
    tips = turned([(0, -132), (132, 0), (0, 132), (-132, 0)], 16, c)
    tips = [(c[0] + (x - c[0]) * 1.08, c[1] + (y - c[1]) * 0.78) for x, y in tips]
    p.glow(c, 180, "#ffe9b8", 0.35)
    for i, (top, bottom) in enumerate((("#ffe7a8", "#f0a64a"), ("#e59b4a", "#b9653f"), ("#f6bd62", "#cf7a3f"), ("#fff6d8", "#ffd27a"))):
        a, b = tips[i], tips[(i + 1) % 4]
        p.shade([between(c, a, 0.05), between(a, b, 0.03), between(b, a, 0.03), between(c, b, 0.05)], top, bottom)
        for n in range(1, 6):
            p.line([between(c, a, n / 6), between(c, b, n / 6)], 0.9, "#ffffff", 0.28)
    for tip in tips:
        p.line([c, tip], 2.6, "#fffdf2")
        p.oval(tip, 3.6, colour="#ffffff")
    p.poly(turned([(-15, -21), (15, -21), (15, 21), (-15, 21)], 16, c), "#20254f")
    p.poly(turned([(-11, -17), (11, -17), (11, -3), (-11, -3)], 16, c), "#6fd0ff")
    p.poly(turned([(-11, 2), (11, 2), (11, 17), (-11, 17)], 16, c), "#dfe5f5")
    p.oval(turned([(0, 9.5)], 16, c)[0], 4.5, colour="#20254f")
    p.dashes(curve((-10, 330), (120, 236), (220, 190), (300, 168), 64), 2, "#9fe3ff", 0.8)
    return p


def ring() -> Picture:
    """A dwarf planet with two rings."""
    p = Picture("#0b0820", "#2a1147")
    p.stars(150)
    p.glow((140, 260), 280, "#a03a8c", 0.4)
    p.glow((560, 60), 240, "#2b5fc4", 0.45)
    p.oval((92, 66), 4.2, colour="#fff2cf")
    p.glow((92, 66), 34, "#fff2cf", 0.8)
    c = (330.0, 170.0)

    def half(start: float) -> None:
        for r, width, tone, alpha in (
            (258, 5, "#ffd9a0", 0.95), (248, 2, "#ffd9a0", 0.5), (204, 4, "#fff0fa", 0.55), (198, 17, "#e8a0c8", 0.9),
            (178, 4, "#fff0fa", 0.75),
        ):
            band = [
                *Picture.round((0, 0), r, r * 0.24, start, start + 180),
                *Picture.round((0, 0), r - width, (r - width) * 0.24, start + 180, start),
            ]
            p.poly(turned(band, -14, c), tone, alpha)

    half(180)
    p.glow(c, 190, "#ff9d7a", 0.35)
    p.shade(Picture.round(c, 108), "#ffc59a", "#b0446e")
    for y, h, tone, alpha in (
        (-62, 9, "#fff0dc", 0.35), (-30, 14, "#c9547a", 0.3), (6, 10, "#fff0dc", 0.22), (34, 18, "#7d2a5e", 0.3),
        (72, 9, "#5d1f52", 0.3),
    ):
        upper, lower = math.sqrt(108**2 - (y - h) ** 2), math.sqrt(108**2 - y**2)
        band = [*Picture.round((0, y), lower, h * 0.9, 0, 180), *Picture.round((0, y - h), upper, h * 0.9, 180, 0)]
        p.poly(turned(band, -14, c), tone, alpha)
    for x, y, r in ((-40, -44, 13), (28, -14, 9), (-12, 40, 16), (52, 46, 8), (-70, 8, 7), (10, -76, 7)):
        p.oval((c[0] + x, c[1] + y), r, r * 0.9, "#7d2a5e", 0.35)
        p.oval((c[0] + x + 1.5, c[1] + y + 2), r * 0.8, r * 0.7, "#ffb999", 0.4)
    night = turned([*Picture.round((0, 0), 108.5, 108.5, -90, 90), *Picture.round((0, 0), 52, 108.5, 90, -90)], 38, c)
    p.poly(night, "#1b0a3a", 0.55)
    half(0)
    return p


def wind() -> Picture:
    """Turbines afloat, and what holds them."""
    p = Picture("#8fd0f0", "#fdebc8")
    p.glow((500, 150), 220, "#fff8de", 0.95)
    p.oval((500, 146), 34, colour="#fffdf3")
    for x, y, w in ((110.0, 50.0, 130), (160, 66, 90), (360, 40, 80), (590, 84, 110), (30, 110, 70)):
        p.box(x - w / 2, y - 6, x + w / 2, y + 6, 6, "#ffffff", 0.65)
    p.waves(196, 1.5, 80, 0, "#5fb4cf", "#0d4470")
    for x, size, spin in ((604, 0.34, 10), (450, 0.42, 50), (330, 0.56, 85), (116, 0.94, 22), (230, 0.72, 64)):
        foot = 190 + 40 * size
        hub = (x, foot - 168 * size)
        p.shade([(x - 5.5 * size, foot), (x - 3 * size, hub[1]), (x + 3 * size, hub[1]), (x + 5.5 * size, foot)], "#ffffff", "#c3d4e2")
        for i in range(3):
            blade = [(0, -3), (16, -7), (92, -1.4), (96, 0), (20, 3), (0, 3)]
            p.poly(turned(blade, spin + i * 120, hub, size), "#ffffff" if i else "#eaf2f8")
        p.oval(hub, 7 * size, colour="#e4572e")
        p.oval(hub, 3.5 * size, colour="#ffffff")
        p.box(x - 30 * size, foot - 5 * size, x + 30 * size, foot + 9 * size, 4 * size, "#f4b942")
        p.box(x - 8 * size, foot + 4 * size, x + 8 * size, foot + 62 * size, 3 * size, "#d8932c")
        for side in (-1, 1):
            p.line(
                curve(
                    (x + side * 8 * size, foot + 56 * size), (x + side * 22 * size, foot + 110 * size),
                    (x + side * 50 * size, 330), (x + side * 80 * size, 350),
                ),
                max(0.8, 1.8 * size), "#dff4ff", 0.6,
            )
    swell = [(float(x), 220 + 3.5 * math.sin((x + 30) / 110 * math.tau)) for x in range(0, 648, 8)]
    p.line(swell, 2.5, "#f0fbff", 0.75)
    p.poly([*swell, (640, 336), (0, 336)], "#0f5c8c", 0.42)
    for x, y in scatter(16):
        p.oval((x * 640, 250 + y * 76), 1.4 + x, colour="#c9f2ff", alpha=0.4)
    for i, (x, y) in enumerate(((398, 288), (424, 276), (440, 296), (466, 284), (372, 304))):
        p.oval((x, y), 9 - i % 2, 3.6, "#bfeeff", 0.75)
        p.poly([(x - 7, y), (x - 14, y - 4.5), (x - 14, y + 4.5)], "#bfeeff", 0.75)
    return p


def lantern_icon() -> Picture:
    p = Picture("#2b1a4f", "#4a2168", 50, 50)
    p.glow((25, 28), 24, "#ffcf6b", 0.9)
    p.line(p.round((25, 14), 6, 6, 180, 360), 2, "#ffe9b8")
    p.box(15, 14, 35, 18, 2, "#ffe9b8")
    p.box(17, 20, 33, 36, 4, "#ffb648")
    p.shade([*curve((25, 22), (32, 29), (30, 34), (25, 34), 12), *curve((25, 34), (20, 34), (18, 29), (25, 22), 12)], "#fffbe9", "#fff0b8")
    p.box(14, 38, 36, 42, 2, "#ffe9b8")
    return p


def meridian_icon() -> Picture:
    p = Picture("#0f5c6e", "#0b3550", 50, 50)
    for rx in (17, 9):
        p.line(p.round((25, 25), rx, 17), 2.2, "#d9fff4")
    for y, reach in ((25, 17), (17, 15), (33, 15)):
        p.line([(25 - reach, y), (25 + reach, y)], 1.8, "#d9fff4")
    p.line([(25, 8), (25, 42)], 2.6, "#ffb648")
    return p


# fmt: on
PICTURES: dict[str, Callable[[], Picture]] = {
    "benchmark": benchmark,
    "chip": chip,
    "ferry": ferry,
    "greenhouse": greenhouse,
    "icon-lantern": lantern_icon,
    "icon-meridian": meridian_icon,
    "lens": lens,
    "macaques": macaques,
    "metro": metro,
    "ring": ring,
    "sail": sail,
    "sorting": sorting,
    "storm": storm,
    "trees": trees,
    "whale": whale,
    "whistle": whistle,
    "wind": wind,
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        path = folder / f"{name}.png"
        draw().save(path)
        print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
