#!/usr/bin/env python3
"""Makes decoder-*.gguf, decoders.txt and written.txt: small random models of every decoder architecture.

    test/golden/make_decoders.py      (needs torch, transformers, tokenizers, gguf)

One model for each way in which decoders differ: rotated neighbours or halves, shared keys, heads with a width of their
own, biases, norms of queries and keys, tied output, scaled embeddings, frequencies of Llama 3.1 beyond the original
context.  Weights are seeded, rounded to half precision and stored so; transformers computes with the same rounded
numbers in double precision.  The matrices of "blocks" are random blocks of every type of 256 weights, which only the
gguf package reads; what differs there is that activations have 8 bits.  decoders.txt holds, a line each:

    model NAME NMSE  the file decoder-NAME.gguf, and how far from these numbers its logits may be
    ids ...          a sequence
    rows ...         tokens, ascending
    at I TOP MARGIN NORM LOGIT...    after its first I + 1 tokens: the likeliest token, how far it is before the second,
                                     the root mean square of all logits, and the logits of the rows

"spm" is a Llama with a SentencePiece vocabulary.  written.txt holds what models with either kind of vocabulary write
after texts, greedily: a line each, MODEL<TAB>TEXT<TAB>ANSWER with escapes as in tokenizer-*.txt.
"""

import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers as hf
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from compare_tokenizer import BYTE_OF_CHAR
from make_tokenizer import escape

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LENGTH = 420
STEP = 3  # from a position that is written down to the next
ROWS = [0, 1, 17, 100, 101, 200, 255, 268]
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SHARED = dict(vocab_size=272, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
              num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.25, bos_token_id=0, eos_token_id=1)
LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=64)
LONG = dict(rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=64,
            short_factor=[1.0, 1.1, 1.2, 1.3], long_factor=[1.0, 2.5, 6.0, 9.0])
MODELS = {
    "llama": (hf.LlamaConfig, dict(tie_word_embeddings=True, rope_parameters=LLAMA3)),
    "nemo": (hf.MistralConfig, dict(head_dim=24, num_key_value_heads=1, tie_word_embeddings=False, sliding_window=None)),
    "biased": (hf.LlamaConfig, dict(attention_bias=True, num_key_value_heads=4, intermediate_size=100, tie_word_embeddings=False)),
    "qwen2": (hf.Qwen2Config, dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    "qwen3": (hf.Qwen3Config, dict(head_dim=16, tie_word_embeddings=False)),
    "mixtral": (hf.MixtralConfig, dict(num_local_experts=4, num_experts_per_tok=2, tie_word_embeddings=False, sliding_window=None)),
    "qwen2moe": (hf.Qwen2MoeConfig, dict(num_experts=6, num_experts_per_tok=3, moe_intermediate_size=20, shared_expert_intermediate_size=40,
                                         tie_word_embeddings=False)),
    "qwen3moe": (hf.Qwen3MoeConfig, dict(num_experts=5, num_experts_per_tok=2, moe_intermediate_size=28, head_dim=16, norm_topk_prob=True,
                                         tie_word_embeddings=True)),
    "blocks": (hf.Qwen2Config, dict(hidden_size=256, intermediate_size=256, num_hidden_layers=1, tie_word_embeddings=True)),
    "gemma": (hf.GemmaConfig, dict(head_dim=16, num_key_value_heads=1, hidden_activation="gelu_pytorch_tanh")),
    "gemma2": (hf.Gemma2Config, dict(head_dim=16, num_key_value_heads=1, sliding_window=40, query_pre_attn_scalar=16,
                                     attn_logit_softcapping=3.0, final_logit_softcapping=6.0)),
    "scaled": (hf.Gemma2Config, dict(head_dim=16, num_key_value_heads=2, query_pre_attn_scalar=24)),
    "gemma3": (hf.Gemma3TextConfig, dict(head_dim=16, num_hidden_layers=7, intermediate_size=32, sliding_window=33, query_pre_attn_scalar=16,
                                         rope_parameters=dict(sliding_attention=dict(rope_type="default", rope_theta=5000.0),
                                                              full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1000000.0)))),
    "phi3": (hf.Phi3Config, dict(tie_word_embeddings=False, pad_token_id=None, sliding_window=100, original_max_position_embeddings=64, rope_parameters=LONG)),
    "phi4": (hf.Phi3Config, dict(tie_word_embeddings=True, pad_token_id=None, partial_rotary_factor=0.5)),
    "phi2": (hf.PhiConfig, dict(num_key_value_heads=4, intermediate_size=128, tie_word_embeddings=False, partial_rotary_factor=0.5)),
    "stablelm": (hf.StableLmConfig, dict(use_qkv_bias=True, tie_word_embeddings=False, partial_rotary_factor=0.25)),
    "gpt2": (hf.GPT2Config, dict(n_embd=32, n_layer=2, n_head=4, n_positions=512, n_ctx=512, intermediate_size=128, num_key_value_heads=4)),
    "starcoder2": (hf.Starcoder2Config, dict(tie_word_embeddings=True)),
    "mistral": (hf.MistralConfig, dict(sliding_window=17, tie_word_embeddings=True)),
    "spm": (hf.LlamaConfig, dict(tie_word_embeddings=True, bos_token_id=1, eos_token_id=2)),
}
# Tensors of "blocks": type, where the halves d and dmin of a block stand, and what makes weights of about the usual size
BLOCKS = {
    "token_embd": ("Q6_K", [208], [1 / 1400]), "blk.0.attn_q": ("Q4_K", [0, 2], [1 / 150, 1 / 20]),
    "blk.0.attn_k": ("Q5_K", [0, 2], [1 / 300, 1 / 20]), "blk.0.attn_v": ("Q3_K", [108], [1 / 43]),
    "blk.0.attn_output": ("Q6_K", [208], [1 / 1400]), "blk.0.ffn_gate": ("IQ4_XS", [0], [1 / 1300]),
    "blk.0.ffn_up": ("Q2_K", [80, 82], [1 / 8, 1.5 / 8]), "blk.0.ffn_down": ("IQ4_NL", [0], [1 / 70]),
}
HF_NAMES = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def random_blocks(name, shape, random):
    kind, halves, sizes = BLOCKS[name]
    items, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    out = random.integers(0, 256, (shape[0], shape[1] // items, size), dtype=np.uint8)
    for at, scale in zip(halves, sizes):
        d = (0.08 * scale * random.uniform(0.7, 1.3, out.shape[:2])).astype(np.float16)
        out[:, :, at:at + 2] = d[..., None].view(np.uint8)
    return out.reshape(shape[0], -1)


def put_blocks(path, blocks):
    """Rewrites a GGUF file with these blocks in place of the tensors of their names."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(path + ".new", reader.get_field("general.architecture").contents())
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            writer.add_key_value(field.name, field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)
    for tensor in reader.tensors:
        name = tensor.name.removesuffix(".weight")
        if name in blocks:
            writer.add_tensor(tensor.name, blocks[name], raw_dtype=gguf.GGMLQuantizationType[BLOCKS[name][0]])
        else:
            writer.add_tensor(tensor.name, tensor.data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(path + ".new", path)


def tokenizer():
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<|begin|>", "<|end|>", *letters, "th", "the", "Ġthe", "or", "er", "re", "in", "on", "at", "an", "en", "ing"]
    merges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("o", "r"), ("e", "r"), ("r", "e"), ("i", "n"), ("o", "n"), ("a", "t"),
              ("a", "n"), ("e", "n"), ("in", "g")]
    out = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    out.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    out.decoder = decoders.ByteLevel()
    out.add_special_tokens(["<|begin|>", "<|end|>"])
    return out


def spm_tokenizer():
    special = ["<unk>", "<s>", "</s>"]
    pieces = ["▁t", "he", "▁the", "in", "er", "re", "on", "at", "an", "en", "or", "ing", "▁a", "▁on", "ring", "▁▁"]
    tokens = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, "▁", *"eationrsghldcumpfbywkv"]
    known = set(tokens)
    merges = [(p[:i], p[i:]) for p in pieces for i in range(1, len(p)) if p[:i] in known and p[i:] in known]
    out = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    out.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    out.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    out.add_special_tokens(special)
    out.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return out


TEXTS = {
    "qwen2": ["the ring on", "a", "Ünïcode and 数"],
    "spm": ["the ring on", "tree", " two  spaces\n\n", "Ünïcode and 数", "<s>the</s>"],
}


def bytes_of(token, is_spm):
    if not is_spm:
        return bytes(BYTE_OF_CHAR[c] for c in token)
    return bytes([int(token[3:5], 16)]) if len(token) == 6 and token.startswith("<0x") else token.replace("▁", " ").encode()


def written(data):
    """The text that slm makes of bytes: U+FFFD for every byte that is part of no character, and for NUL."""
    text = ""
    while data:
        size = next((n for n in (1, 2, 3, 4) if is_character(data[:n])), 0)
        text += data[:size].decode() if size else "\ufffd"
        data = data[size or 1:]
    return text.replace("\0", "\ufffd")


def is_character(data):
    try:
        return len(data.decode()) == 1
    except UnicodeDecodeError:
        return False


def write_texts(name, model, tokenizer, out, n_token=24):
    """A token is chosen anew from all logits: what counts is that the best is far enough before the second."""
    is_spm = name == "spm"
    for text in TEXTS.get(name, []):
        # what slm's format "plain" puts behind a text
        ids = tokenizer.encode(text + "\n").ids if "<s>" not in text else unspecial(tokenizer, text + "\n")
        answer = b""
        for i in range(n_token):
            with torch.no_grad():
                first, second = model(torch.tensor([ids])).logits[0, -1].topk(2)
            assert first[0] - first[1] > 1e-3, (name, text, i)
            ids.append(second[0].item())
            if ids[-1] <= model.config.eos_token_id:
                break
            answer += bytes_of(tokenizer.id_to_token(ids[-1]), is_spm)
        if is_spm and answer[:1] == b" ":
            answer = answer[1:]
        print(name, escape(text), escape(written(answer)), sep="\t", file=out)


def unspecial(tokenizer, text):
    """Ids of a text that spells control tokens, none of which it may become."""
    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.encode_special_tokens = True
    return plain.encode(text).ids


def vocabulary(name):
    return spm_tokenizer() if name == "spm" else tokenizer()


def build(name, kind, options):
    """The model, and the blocks that stand for some of its tensors."""
    torch.manual_seed(len(name) * 1000 + sum(map(ord, name)))
    config = kind(**{**SHARED, **options})
    config.vocab_size = vocabulary(name).get_vocab_size()
    config._experts_implementation = "eager"  # which computes in double precision, too
    model = hf.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if key.endswith("bias") or "norm" in key:
                parameter.add_(0.3 * torch.randn_like(parameter))
            if parameter.dim() > 1:
                parameter.copy_(parameter.half().float())
    blocks = {}
    if name == "blocks":
        random = np.random.default_rng(1)
        for tensor, (dtype, _, _) in BLOCKS.items():
            layer, _, short = tensor.rpartition(".")
            key = f"model.layers.{layer[4:]}.{HF_NAMES[short]}.weight" if layer else "model.embed_tokens.weight"
            parameter = model.get_parameter(key)
            blocks[tensor] = random_blocks(tensor, parameter.shape, random)
            values = gguf.dequantize(blocks[tensor], gguf.GGMLQuantizationType[dtype])
            parameter.data.copy_(torch.from_numpy(values.reshape(parameter.shape)))
    return model, blocks


def save(model, folder, own_tokenizer):
    model.save_pretrained(folder, state_dict={k: v.half() if v.dim() > 1 else v for k, v in model.state_dict().items()})
    bos, eos = (own_tokenizer.id_to_token(i) for i in (model.config.bos_token_id, model.config.eos_token_id))
    hf.PreTrainedTokenizerFast(tokenizer_object=own_tokenizer, bos_token=bos, eos_token=eos).save_pretrained(folder)


def make(name, kind, options, out, written_out):
    model, blocks = build(name, kind, options)
    path = os.path.join(HERE, f"decoder-{name}.gguf")
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder, vocabulary(name))
        subprocess.run([sys.executable, os.path.join(ROOT, "models", "convert"), folder, path, "--name", f"decoder-{name}"], check=True)
    if blocks:
        put_blocks(path, blocks)
    model = model.double()
    ids = torch.randint(0, model.config.vocab_size, (1, LENGTH))
    with torch.no_grad():
        logits = model(ids).logits[0]
    top = logits.topk(2, dim=-1)
    print("model", name, "2e-3" if blocks else "1e-8", file=out)
    print("ids", *ids[0].tolist(), file=out)
    print("rows", *ROWS, file=out)
    for i in range(0, LENGTH, STEP):
        first, second = top.values[i].tolist()
        numbers = [first - second, logits[i].square().mean().sqrt().item(), *logits[i, ROWS].tolist()]
        print("at", i, top.indices[i, 0].item(), *(f"{x:.6g}" for x in numbers), file=out)
    write_texts(name, model, vocabulary(name), written_out)


def main():
    with open(os.path.join(HERE, "decoders.txt"), "w", encoding="utf-8") as out, \
            open(os.path.join(HERE, "written.txt"), "w", encoding="utf-8") as written_out:
        for name, (kind, options) in MODELS.items():
            make(name, kind, options, out, written_out)


if __name__ == "__main__":
    main()
