import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.errors import RequestError
from kinect_unlock.wire import pack_vector, unpack_vector


@given(seed=st.integers(0, 2**32 - 1), dim=st.integers(1, 300))
def test_a_vector_survives_the_wire_bit_for_bit(seed: int, dim: int) -> None:
    raw = np.random.default_rng(seed).normal(size=dim)
    vector = (raw / np.linalg.norm(raw)).astype(np.float32)
    back = unpack_vector(pack_vector(vector), dim=dim, model_id="m/1")
    np.testing.assert_array_equal(back.vector, vector)
    assert back.model_id == "m/1"


@given(text=st.text(max_size=200))
def test_any_other_text_is_refused_with_words(text: str) -> None:
    with pytest.raises(RequestError, match="vector"):
        unpack_vector(text, dim=128, model_id="m/1")


def test_numbers_too_large_for_a_length_are_refused_like_others() -> None:
    text = base64.b64encode(np.full(16, 3e38, "<f4").tobytes()).decode()
    with pytest.raises(RequestError, match="length 1, got inf"):
        unpack_vector(text, dim=16, model_id="a/1")
