"""Qwen-Image's attention over texts of different lengths, each row with the bits it has alone.

A mask would do the same up to its last bits: the kernel takes its sums over what is masked too.
"""

from typing import Any

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.transformers.transformer_qwenimage import (
    QwenDoubleStreamAttnProcessor2_0,
    apply_rotary_emb_qwen,
)
from torch import Tensor

from engine.loras.adding import following

Stream = tuple[Tensor, Tensor, Tensor]


class Ragged(QwenDoubleStreamAttnProcessor2_0):  # type: ignore[misc]
    """Stock attention, but for rows with `lengths` of their own, which attend by length."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        encoder_hidden_states_mask: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: tuple[Tensor, Tensor] | None = None,
        lengths: tuple[int, ...] | None = None,
    ) -> Any:
        """Return what the picture's and the text's tokens take from each other."""
        if lengths is None:
            return super().__call__(
                attn,
                hidden_states,
                encoder_hidden_states,
                encoder_hidden_states_mask,
                attention_mask,
                image_rotary_emb,
            )
        assert encoder_hidden_states is not None, "rows of texts have texts"
        assert image_rotary_emb is not None, "the transformer gives positions"
        picture, text = _streams(attn, hidden_states, encoder_hidden_states, image_rotary_emb)
        seen, read = torch.empty_like(hidden_states), torch.zeros_like(encoder_hidden_states)
        for length in set(lengths):
            rows = following([row for row, its in enumerate(lengths) if its == length])
            words = [stream[rows, :length] for stream in text]
            mixed = self._mixed(words, [stream[rows] for stream in picture])
            read[rows, :length], seen[rows] = mixed[:, :length], mixed[:, length:]
        return attn.to_out[0](seen), attn.to_add_out(read)

    def _mixed(self, text: list[Tensor], picture: list[Tensor]) -> Tensor:
        query, key, value = (torch.cat(both, dim=1) for both in zip(text, picture, strict=True))
        mixed: Tensor = dispatch_attention_fn(
            query, key, value, dropout_p=0.0, is_causal=False, backend=self._attention_backend
        )
        return mixed.flatten(2, 3).to(query.dtype)


def _streams(
    attn: Any, picture: Tensor, text: Tensor, positions: tuple[Tensor, Tensor]
) -> tuple[Stream, Stream]:
    size = attn.inner_dim // attn.heads
    seen = (attn.to_q(picture), attn.to_k(picture), attn.to_v(picture))
    words = (attn.add_q_proj(text), attn.add_k_proj(text), attn.add_v_proj(text))
    norms = ((attn.norm_q, attn.norm_k), (attn.norm_added_q, attn.norm_added_k))
    first, second = (
        _placed([one.unflatten(-1, (-1, size)) for one in stream], *norm, where)
        for stream, norm, where in zip((seen, words), norms, positions, strict=True)
    )
    return first, second


def _placed(stream: list[Tensor], norm_query: Any, norm_key: Any, where: Tensor) -> Stream:
    query, key = (
        apply_rotary_emb_qwen(norm(one), where, use_real=False)
        for norm, one in ((norm_query, stream[0]), (norm_key, stream[1]))
    )
    return query, key, stream[2]
