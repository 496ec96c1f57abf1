from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import elboproof as ep

CLOSE = 1e-13  # logits of size 10 in float64; worst measured 3e-15


@pytest.mark.parametrize("kind", ["scalar", "shared"])
@pytest.mark.parametrize("as_tensors", [False, True])
def test_reproduced_by_scaled_dot_product_attention(encoder: Any, kind: Any, as_tensors: Any) -> None:
    instance = encoder(kind)
    arrays = (instance.codes, instance.data, np.asarray(instance.covariances))
    decoder = ep.OptimalDecoder(*map(torch.tensor, arrays)) if as_tensors else instance.decoder
    form = decoder.attention()
    z = torch.tensor(np.random.default_rng(0).normal(size=(7, 2)))
    keys, values, bias = (torch.as_tensor(a) for a in (form.keys, form.values, form.bias))
    assert isinstance(form.keys, torch.Tensor) == as_tensors

    def attend(mask: Any) -> Any:
        return functional.scaled_dot_product_attention(
            z[None], keys[None], values[None], attn_mask=mask, scale=float(form.scale)
        )[0]

    assert (attend(bias.expand(7, 6)) - decoder(z)).abs().max() < CLOSE
    assert (attend(torch.zeros(7, 6, dtype=torch.float64)) - decoder(z)).abs().max() > 1e-2
    logits = float(form.scale) * z @ keys.T + bias
    assert (torch.softmax(logits, -1) @ values - decoder(z)).abs().max() < CLOSE


def test_isotropic_keys_are_the_codes(encoder: Any) -> None:
    instance = encoder("scalar", deviation=0.5)
    form = instance.decoder.attention()
    assert np.array_equal(form.keys, instance.codes)
    assert form.scale == 4.0
    assert form.bias == pytest.approx(-0.5 * 4 * (instance.codes**2).sum(1))


def test_precision_is_that_of_the_data(encoder: Any) -> None:
    instance = encoder("shared")
    form = ep.OptimalDecoder(instance.codes, instance.data.astype("f"), instance.covariances).attention()
    assert form.keys.dtype == form.bias.dtype == form.values.dtype == np.float32


@pytest.mark.parametrize("kind", ["variances", "matrices"])
def test_different_covariances_are_no_attention(encoder: Any, kind: Any) -> None:
    with pytest.raises(ValueError, match="attention: the covariances differ; expected one shared"):
        encoder(kind).decoder.attention()
