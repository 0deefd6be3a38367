"""One mean face, for whoever aligns a face to it: five landmarks and the surface around them.

Head axes throughout: x to the image's right, y down, z away from the camera when the face looks into it; millimetres;
the origin is the mean of the five landmarks. The face is neutral and symmetric: the middle of 500 random heads of
ICT-FaceKit (MIT), which ``kinect-unlock lab mean-face`` makes again. Nobody's measurements are in it.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, read_only

_STEP_MM: Final = 4.0
COLUMNS_MM: Final = read_only(np.arange(0.0, 73.0, _STEP_MM))  # |x| of the table
ROWS_MM: Final = read_only(np.arange(-100.0, 81.0, _STEP_MM))  # y
_FINE_MM: Final = 2.0  # pitch to which the table is interpolated, once
_FACE_DEEP_MM: Final = 58.0  # what lies deeper is the side of the head, or its neck

# Rows x, y and z of the landmarks: image-left eye, image-right eye, nose tip, image-left and image-right mouth corner.
_LANDMARKS_TENTHS_MM: Final = """
-325 325 0 -253 253
-339 -339 -36 357 357
115 115 -270 20 20
"""
# z of the surface: rows `ROWS_MM`, columns `COLUMNS_MM`. Where the mean face ends it goes on as steeply.
_SURFACE_TENTHS_MM: Final = """
96 97 101 107 116 126 140 157 181 210 245 286 335 393 460 540 636 765 920
78 80 83 89 97 107 120 137 160 188 222 262 310 365 429 505 595 710 840
59 60 63 68 76 85 97 114 136 162 195 234 279 332 394 467 552 659 768
43 44 47 51 58 67 79 95 116 141 173 210 253 303 362 433 517 619 718
29 30 32 37 44 52 64 80 100 125 155 190 230 278 336 405 488 586 680
16 17 19 24 30 39 51 67 87 111 140 173 211 257 313 381 462 560 651
4 4 7 10 17 25 37 53 73 97 126 158 195 240 295 361 442 539 630
-9 -8 -7 -4 1 10 22 38 58 83 111 143 180 224 279 345 425 523 615
-21 -21 -20 -18 -13 -5 6 22 42 67 95 128 165 210 266 333 413 511 606
-31 -31 -31 -29 -25 -17 -6 8 27 50 77 109 148 195 254 324 405 503 600
-38 -38 -37 -35 -31 -24 -14 -1 16 36 60 89 127 177 241 316 400 498 597
-40 -39 -38 -36 -31 -24 -14 -1 15 31 51 75 107 154 222 307 396 496 595
-38 -36 -33 -28 -22 -12 0 13 26 40 55 73 100 139 202 295 392 494 594
-32 -29 -21 -10 3 18 31 42 49 57 67 82 106 140 193 283 386 492 593
-27 -21 -5 19 42 56 65 66 67 71 82 99 121 153 200 280 381 488 589
-26 -17 12 52 76 85 83 76 71 77 93 115 145 175 219 286 377 480 582
-37 -24 20 73 95 102 101 84 76 84 109 139 171 201 240 297 374 471 573
-62 -47 9 72 97 112 106 90 82 92 118 152 187 220 256 304 369 459 562
-94 -78 -22 50 85 93 91 87 87 96 115 143 185 222 257 301 361 446 552
-125 -110 -58 14 65 85 89 89 92 102 119 144 176 211 246 289 348 433 543
-156 -141 -89 -20 34 67 81 87 94 104 119 139 164 194 229 273 333 421 536
-188 -173 -123 -48 9 46 67 79 88 98 110 128 149 176 210 256 320 414 536
-221 -209 -165 -75 -10 29 52 67 79 90 101 116 136 162 196 244 312 413 549
-249 -240 -206 -116 -23 17 39 54 67 80 92 108 128 154 189 238 309 420 581
-266 -258 -231 -168 -54 12 30 43 55 69 85 102 124 152 189 240 314 439 655
-267 -259 -232 -181 -116 10 26 35 47 61 78 98 123 154 193 247 326 469 733
-250 -235 -131 -116 -107 8 24 31 41 56 74 97 124 158 203 260 345 507 818
-190 -136 -84 -72 -48 9 21 29 39 54 74 98 128 167 214 277 369 552 863
-122 -114 -92 -60 -29 -4 14 26 38 54 75 102 136 178 229 294 394 598 868
-116 -116 -102 -75 -48 -23 0 20 37 55 78 108 145 190 244 313 420 665 869
-121 -124 -116 -94 -67 -41 -15 10 34 56 83 115 155 202 259 332 445 705 883
-140 -139 -129 -109 -83 -54 -26 2 30 58 88 122 165 216 276 353 470 697 891
-144 -139 -127 -110 -88 -59 -28 -1 28 59 93 131 176 230 292 373 499 741 930
-121 -115 -103 -87 -67 -43 -15 8 31 63 99 140 188 244 310 395 541 782 958
-108 -106 -97 -78 -49 -16 11 24 41 69 105 149 202 260 329 422 592 811 973
-123 -121 -113 -94 -66 -29 8 33 53 79 114 161 217 278 352 461 659 879 996
-115 -113 -103 -85 -59 -27 7 37 63 91 127 176 235 300 384 525 743 951 999
-75 -74 -71 -60 -40 -15 13 44 74 105 144 196 258 329 432 655 876 996 999
-57 -55 -50 -40 -25 -3 24 54 86 122 165 221 286 370 628 990 999 999 999
-59 -56 -48 -34 -17 6 34 65 100 140 189 250 326 481 879 997 999 999 999
-65 -62 -53 -38 -17 9 39 74 114 161 219 291 411 766 917 999 999 999 999
-66 -64 -56 -40 -18 11 45 85 133 192 264 386 684 820 934 999 999 999 999
-59 -57 -49 -33 -10 21 59 107 169 250 390 641 763 840 944 999 999 999 999
-41 -39 -31 -14 11 44 89 157 260 435 617 719 785 851 952 999 999 999 999
-5 -3 6 25 55 100 183 332 489 601 685 744 797 860 961 999 999 999 999
54 57 68 90 142 240 392 492 573 647 708 756 804 865 966 999 999 999 999
"""


def _tenths(table: str) -> F64:
    return np.array([line.split() for line in table.split("\n") if line], np.float64) / 10.0


MEAN_LANDMARKS_MM: Final = read_only(_tenths(_LANDMARKS_TENTHS_MM))  # f64[3,5]


def mean_surface(x_mm: F32, y_mm: F32) -> F32:
    """Return z and the unit normal f32[...,4] of the mean face at x and y f32[...]; off the face all four are 0.

    The normal points away from the camera, so it is never 0 along z on the face. Arrays of one axis are slower.
    """
    column = (x_mm + np.float32(COLUMNS_MM[-1])) * np.float32(1 / _FINE_MM)
    row = (y_mm - np.float32(ROWS_MM[0])) * np.float32(1 / _FINE_MM)
    found = cv2.remap(_fine_surface(), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(found, np.float32)


@cache
def _fine_surface() -> F32:
    """Return z and the unit normal f32[rows,columns,4] every 2 mm, both halves; zeros off the face."""
    half = _tenths(_SURFACE_TENTHS_MM).astype(np.float32)
    coarse = np.concatenate((half[:, :0:-1], half), axis=1)
    shape = [round((size - 1) * _STEP_MM / _FINE_MM) + 1 for size in coarse.shape]
    row, column = (np.indices(shape) * (_FINE_MM / _STEP_MM)).astype(np.float32)
    z = cv2.remap(coarse, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    slope_y, slope_x = np.gradient(z, _FINE_MM)
    length = np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
    fine = np.dstack((z, -slope_x / length, -slope_y / length, 1 / length)).astype(np.float32)
    fine[z > _FACE_DEEP_MM] = 0
    return read_only(fine)
