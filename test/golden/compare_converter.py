#!/usr/bin/env python3
"""Converts the models of make_decoders.py, make_encoders.py, make_parity.py or make_t5.py by llama.cpp's converter and runs their test.

    test/golden/compare_converter.py LLAMA_CPP_FOLDER build/test/unit/test_decode
    test/golden/compare_converter.py LLAMA_CPP_FOLDER build/test/unit/test_encoders
    test/golden/compare_converter.py LLAMA_CPP_FOLDER build/test/unit/test_forward
    test/golden/compare_converter.py LLAMA_CPP_FOLDER build/test/unit/test_source

Proves that files of the public converter (its tensor names, permutations, norms and keys) give transformers' numbers.
The vocabulary is ours in all of them, so that the converter's way to tell tokenizers apart is left out.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

OWN = {"blocks", "scaled", "mistral", "spm"}  # blocks that make_decoders.py puts there, and keys that only ours writes
HERE = Path(__file__).resolve().parent

# Encoders that llama.cpp has: its name of the class, the way to cut words, and what a hub's config.json says beside.
NOMIC = dict(
    n_embd=40, n_head=4, n_inner=72, n_layer=2, n_positions=8192, max_trained_positions=2048, activation_function="swiglu",
    rotary_emb_base=1000.0, rotary_emb_fraction=1.0, rotary_emb_interleaved=False, rotary_emb_scale_base=None,
    layer_norm_epsilon=1e-12, qkv_proj_bias=False, prenorm=False, causal=False, mlp_fc1_bias=False, mlp_fc2_bias=False,
)
ENCODERS = {
    "nomic": ("NomicBertModel", "bert-bge", NOMIC),
    "modern": ("ModernBertModel", "modern-bert", {"layer_norm_eps": 1e-5}),
}
TOKENS = {"cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]", "mask_token": "[MASK]"}


def decoders():
    """File, class, and what saves the model, of every decoder."""
    import make_decoders
    from conversion.base import TextModel

    TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    for name, (kind, options) in make_decoders.MODELS.items():
        if name in OWN:
            continue
        model, _ = make_decoders.build(name, kind, options)
        kind = model.config.architectures[0] if model.config.architectures else type(model).__name__
        yield f"decoder-{name}.gguf", kind, TextModel._set_vocab_gpt2, lambda folder: make_decoders.save(
            model, folder, make_decoders.vocabulary(name)
        )


def encoders():
    """The same of encoders."""
    import make_encoders
    from conversion.base import TextModel

    def save(folder):
        make_encoders.save(model, tokenizer, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **more}))
        (folder / "tokenizer_config.json").write_text(json.dumps(TOKENS))

    for seed, name in enumerate(make_encoders.MODELS):
        if name in ENCODERS:
            kind, pre, more = ENCODERS[name]
            TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
            model, tokenizer = make_encoders.build(name, seed + 1)
            yield f"encoder-{name}.gguf", kind, None, save


SPECIAL = {"<s>": {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
                   "pad_token": "<pad>", "mask_token": "<mask>"}, "[CLS]": TOKENS}


def answers():
    """The same of models from text to answer, but for what llama.cpp leaves out: labels of tokens, BERT's poolers,
    activations of heads; and for unigram vocabularies without a character map, which it cannot read."""
    import make_parity
    from conversion.base import TextModel

    def save(folder):
        make_parity.save_case(model, tokenizer, pooling, folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **more}))
        first = "<s>" if tokenizer.token_to_id("<s>") is not None else "[CLS]"
        spaces = {key: True for key in ("add_prefix_space", "clean_up_tokenization_spaces") if config["model_type"] == "xlm-roberta"}
        (folder / "tokenizer_config.json").write_text(json.dumps({**SPECIAL[first], **spaces}))
        modules = [{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}] if pooling else []
        (folder / "modules.json").write_text(json.dumps(modules))

    # imported there, and of no use with a tokenizer.json
    sys.modules["sentencepiece"] = types.SimpleNamespace(SentencePieceProcessor=type("None", (), {}), sentencepiece_model_pb2=None)
    more_of = {"nomic_bert": dict(NOMIC, n_embd=32, n_head=2, n_inner=64, n_layer=1), "modernbert": {"layer_norm_eps": 1e-5}}
    pre = {"nomic_bert": "bert-bge", "bert": "bert-bge", "distilbert": "bert-bge", "modernbert": "modern-bert", "roberta": "roberta-bpe"}
    for seed, (name, (kind, config, make_tokenizer, pooling)) in enumerate(make_parity.CASES.items()):
        head = kind.__name__.endswith("Classification")
        if config.model_type not in (*pre, "xlm-roberta") or "Token" in kind.__name__ or name == "modern-head":
            continue
        if config.model_type in ("bert", "nomic_bert", "distilbert") and head:
            continue
        more = more_of.get(config.model_type, {})
        tokenizer = make_tokenizer()
        if config.model_type == "xlm-roberta" and not tokenizer.normalizer:
            continue
        config.vocab_size = tokenizer.get_vocab_size()
        model = make_parity.make_model(kind, config, seed + 1)
        TextModel.get_vocab_base_pre = lambda self, tokenizer: pre[config.model_type]
        yield f"parity-{name}.gguf", kind.__name__, None, save


def two_stacks():
    """The same of models that read with one stack and write with another.  Their vocabulary is read from a file of
    SentencePiece's there, which the random ones have not: ours is taken over from our file."""
    import gguf
    import make_t5

    def set_vocab(self):
        fields = gguf.GGUFReader(HERE / f"t5-{name}.gguf").fields.values()
        for field in fields:
            if field.name.startswith("tokenizer."):
                kinds = field.types
                self.gguf_writer.add_key_value(field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None)

    for seed, name in enumerate(make_t5.MODELS):
        model, tokenizer = make_t5.build(name, seed + 1)
        if model.config.num_layers != model.config.num_decoder_layers:
            continue  # whose deeper stack the converter has no names for

        def save(folder):
            make_t5.save(model, tokenizer, folder)
            # what transformers writes and the converter does not expect, or the other way round
            config = json.loads((folder / "config.json").read_text())
            (folder / "config.json").write_text(json.dumps({"decoder_start_token_id": 0, "tie_word_embeddings": name == "first", **config}))

        yield f"t5-{name}.gguf", type(model).__name__, set_vocab, save


def main():
    llama, program = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    sys.path[:0] = [str(llama / "gguf-py"), str(llama)]
    from conversion import get_model_class
    import gguf
    import transformers

    transformers.AutoTokenizer.from_pretrained = transformers.PreTrainedTokenizerFast.from_pretrained
    with tempfile.TemporaryDirectory() as top:
        golden = Path(top) / "test" / "golden"
        golden.mkdir(parents=True)
        for path in HERE.glob("*.*"):
            if path.suffix in (".gguf", ".txt"):
                shutil.copy(path, golden)
        for name, kind, set_vocab, save in {"test_encoders": encoders, "test_forward": answers, "test_source": two_stacks}.get(program.name, decoders)():
            print("#", name, flush=True)
            with tempfile.TemporaryDirectory() as folder:
                save(Path(folder))
                (golden / name).unlink()
                cls = get_model_class(kind)
                if set_vocab:
                    cls.set_vocab = set_vocab
                cls(Path(folder), gguf.LlamaFileType.MOSTLY_F16, golden / name).write()
        sys.exit(subprocess.run([program], cwd=top).returncode)


if __name__ == "__main__":
    main()
