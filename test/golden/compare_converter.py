#!/usr/bin/env python3
"""Converts the models of make_decoders.py by llama.cpp's converter and runs test_decode on its files.

    test/golden/compare_converter.py LLAMA_CPP_FOLDER build/test/unit/test_decode

Proves that files of the public converter (its tensor names, permutations, norms and keys) give transformers' numbers.
The vocabulary is ours in all of them, so that the converter's way to tell tokenizers apart is left out.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

OWN = {"blocks", "scaled", "mistral", "spm"}  # blocks that make_decoders.py puts there, and keys that only ours writes
HERE = Path(__file__).resolve().parent


def main():
    llama, program = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    sys.path[:0] = [str(llama / "gguf-py"), str(llama)]
    from conversion import get_model_class
    from conversion.base import TextModel
    import gguf
    import transformers
    import make_decoders

    transformers.AutoTokenizer.from_pretrained = transformers.PreTrainedTokenizerFast.from_pretrained
    TextModel.get_vocab_base_pre = lambda self, tokenizer: "qwen2"
    with tempfile.TemporaryDirectory() as top:
        golden = Path(top) / "test" / "golden"
        golden.mkdir(parents=True)
        for path in HERE.glob("*.*"):
            if path.suffix in (".gguf", ".txt"):
                shutil.copy(path, golden)
        for name, (kind, options) in make_decoders.MODELS.items():
            if name in OWN:
                continue
            print("#", name, flush=True)
            model, _ = make_decoders.build(name, kind, options)
            with tempfile.TemporaryDirectory() as folder:
                make_decoders.save(model, folder, make_decoders.vocabulary(name))
                out = golden / f"decoder-{name}.gguf"
                out.unlink()
                cls = get_model_class(model.config.architectures[0] if model.config.architectures else type(model).__name__)
                cls.set_vocab = TextModel._set_vocab_gpt2
                cls(Path(folder), gguf.LlamaFileType.MOSTLY_F16, out).write()
        sys.exit(subprocess.run([program], cwd=top).returncode)


if __name__ == "__main__":
    main()
