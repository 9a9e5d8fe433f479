"""A Hugging Face folder becomes a GGUF file.

In the order of reading: architectures.py has a row for each model type; keys.py turns its configuration into keys of the
file, vocabulary.py its tokenizer; decoders.py, encoders.py and t5.py put these and the tensors together; source.py reads folders,
tensors.py changes numbers, writing.py writes.
"""

from .architectures import DECODERS, ENCODERS, T5_TYPES
from .decoders import convert_decoder
from .encoders import convert_encoder
from .source import ConvertError
from .t5 import convert_t5


def convert(source, options):
    config = source.json("config.json")
    kind = config.get("model_type")
    for table, write in ((ENCODERS, convert_encoder), (DECODERS, convert_decoder), (T5_TYPES, convert_t5)):
        if kind in table:
            return write(source, config, options)
    raise ConvertError(f'config.json: model_type "{kind}" is not one of {", ".join((*ENCODERS, *DECODERS, *T5_TYPES))}')
