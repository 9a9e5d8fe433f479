"""ort_peer.py - the same model in ONNX Runtime int8, set up as fast as we could make it

Tried on Zen 5 with onnxruntime 1.31: the plain export with dynamic QInt8
weights is the fastest.  QUInt8 weights cost a third; graphs fused beforehand
(Attention to QAttention, MultiHeadAttention, SkipLayerNormalization and
BiasGelu) cost 10 to 25 %, because their nodes are kept apart from the integer
products.  One scale per tensor is 1 to 3 % faster than one per channel and
further from fp32 (cosine 0.95 instead of 0.99); both run, the faster counts.
All graph optimizations, one thread, no padding: rows of a batch have one
length, or are sorted by it.
"""

import os
import warnings

import numpy as np
import onnxruntime as ort

import common

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
FOLDER = os.path.join(common.BUILD, "ort")


def export():
    """The fp32 graph and its quantized forms: name to path."""
    os.makedirs(FOLDER, exist_ok=True)
    f32 = os.path.join(FOLDER, "f32.onnx")
    if not os.path.exists(f32):
        import torch
        from transformers import AutoModel

        model = AutoModel.from_pretrained(common.oracle_model_folder(), attn_implementation="eager").eval()

        class Hidden(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, input_ids, attention_mask, token_type_ids):
                return self.model(input_ids=input_ids, attention_mask=attention_mask,
                                  token_type_ids=token_type_ids).last_hidden_state

        ids = torch.randint(0, 30000, (2, 16))
        axes = {name: {0: "batch", 1: "tokens"} for name in INPUTS + ("hidden",)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(Hidden(), (ids, torch.ones_like(ids), torch.zeros_like(ids)), f32 + ".part",
                              input_names=list(INPUTS), output_names=["hidden"], dynamic_axes=axes,
                              opset_version=17, dynamo=False)
        os.replace(f32 + ".part", f32)
    paths = {"fp32": f32}
    for name, per_channel in (("int8 per channel", True), ("int8 per tensor", False)):
        paths[name] = os.path.join(FOLDER, name.replace(" ", "-") + ".onnx")
        if not os.path.exists(paths[name]):
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(f32, paths[name] + ".part", per_channel=per_channel, weight_type=QuantType.QInt8,
                             extra_options={"MatMulConstBOnly": True})
            os.replace(paths[name] + ".part", paths[name])
    return paths


class Peer:
    """Texts to unit vectors, with Hugging Face's tokenizer."""

    def __init__(self, path, tokenizer):
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 4
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizer

    def embed(self, texts):
        encoded = self.tokenizer.encode_batch(texts) if len(texts) > 1 else [self.tokenizer.encode(texts[0])]
        n = [len(e.ids) for e in encoded]
        if min(n) == max(n):
            ids = np.array([e.ids for e in encoded], dtype=np.int64)
            mask = np.ones_like(ids)
        else:
            ids = np.zeros((len(n), max(n)), dtype=np.int64)
            mask = np.zeros_like(ids)
            for row, e in enumerate(encoded):
                ids[row, : n[row]] = e.ids
                mask[row, : n[row]] = 1
        hidden = self.session.run(["hidden"], dict(zip(INPUTS, (ids, mask, np.zeros_like(ids)))))[0]
        pooled = np.matmul(mask[:, None, :].astype(np.float32), hidden)[:, 0]
        return pooled / np.linalg.norm(pooled, axis=1, keepdims=True)

    def embed_all(self, texts, batch, by_length=False):
        if by_length:
            texts = sorted(texts, key=len)
        for start in range(0, len(texts), batch):
            self.embed(texts[start : start + batch])
