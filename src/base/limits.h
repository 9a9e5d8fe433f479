/*
 * limits.h - every cap of the engine, by name (law 9)
 *
 * A cap is quoted in its error message and tested at the limit and at one
 * beyond it.  Units stand last in the names.
 */
#ifndef SLM_BASE_LIMITS_H
#define SLM_BASE_LIMITS_H

/* Model files (src/gguf) */
#define SLM_MAX_FILE_BYTES (64ULL << 30)
#define SLM_MAX_GGUF_TENSORS 65536
#define SLM_MAX_GGUF_KEYS 1048576
#define SLM_MAX_GGUF_KEY_BYTES 65535
#define SLM_MAX_GGUF_STRING_BYTES (16U << 20)
#define SLM_MAX_GGUF_ARRAY_ITEMS (16U << 20)
#define SLM_MAX_GGUF_NAME_BYTES 63
#define SLM_MAX_GGUF_DIMS 4
#define SLM_MAX_GGUF_ALIGNMENT (1U << 20)
#define SLM_MAX_GGUF_HEADER_BYTES (512U << 20)

/* Architecture (src/model) */
#define SLM_MAX_LAYERS 512
#define SLM_MAX_EMBD 16384
#define SLM_MAX_FF 65536
#define SLM_MAX_EXPERTS 512
#define SLM_MAX_HEADS 512
#define SLM_MAX_HEAD_DIM 1024
#define SLM_MAX_CONTEXT 1048576
#define SLM_MAX_ROPE_BASE 1e12f
#define SLM_MAX_RELATIVE_BUCKETS 256
#define SLM_MAX_RELATIVE_ROWS 512
#define SLM_MAX_RELATIVE_REACH 32768
#define SLM_MAX_CLASSES 65536
#define SLM_MAX_TOKEN_CLASSES 4096 /* of a head that labels tokens */
#define SLM_MAX_CLASS_LABEL_BYTES 1024
#define SLM_MAX_TOKEN_TYPES 65536
#define SLM_MAX_HEAD_LAYERS 16
#define SLM_MAX_SPAN_WIDTH 4096
#define SLM_MAX_SENTENCE_HIDDEN 4096
#define SLM_MAX_CALIBRATION 1e6f /* magnitude of a calibration constant */

/* Tokenizers (src/tokenizer) */
#define SLM_MAX_VOCAB (1U << 22)
#define SLM_MAX_TOKEN_BYTES 65535
#define SLM_MAX_ADDED_BYTES 255 /* of a token that is cut out of texts */

/* Calls (src/engine, src/task) */
#define SLM_MAX_INPUT_BYTES (1U << 30)
#define SLM_MAX_LABELS 10000
#define SLM_MAX_SCHEMA_FIELDS 256   /* objects among them */
#define SLM_MAX_SCHEMA_DEPTH 32     /* schemas within schemas, steps through $ref among them */
#define SLM_MAX_SCHEMA_CHOICES 1000 /* values of one enum */
#define SLM_MAX_GENERATED_TOKENS 100000
#define SLM_MAX_FIELD_TOKENS 1024 /* of the object that a decoder writes of a text */
#define SLM_MAX_WRITER_ROWS 64    /* texts that are written beside each other */
#define SLM_WRITER_TOKENS 256     /* of all of them that one step reads */
#define SLM_MAX_SUMMARY_WORDS 10000
#define SLM_MAX_SUMMARY_PIECES 512 /* sentences of one summary */
#define SLM_SUMMARY_SENTENCES                                                                      \
	4096 /* weighed against each other; beyond, a text is taken in parts */
#define SLM_MAX_TRAIN_ROWS 100000
#define SLM_MAX_TRAIN_DIMENSIONS 2048
#define SLM_MAX_BAG_WORDS 512          /* tokens that a trained head knows */
#define SLM_MAX_HEAD_BYTES (64U << 20) /* numbers and names of a trained head */
#define SLM_BATCH_TOKENS 1024          /* tokens of one forward step, at least one sequence */

/* Workers (src/pg) */
#define SLM_MAX_WORKER_THREADS 64
#define SLM_WORKER_ROWS 16                /* texts that one worker writes beside each other */
#define SLM_MAX_REQUEST_BYTES (4U << 20)  /* of a prompt for a worker; larger ones stay at home */
#define SLM_WORKER_TEXT_BYTES (32U << 20) /* of all requests and answers in shared memory */

/* Schemas as grammars (src/task/grammar.h) */
#define SLM_MAX_GRAMMAR_VALUES 8192   /* places of values, each $ref written out */
#define SLM_MAX_GRAMMAR_RECURSION 4   /* of one schema within itself; deeper, none is written */
#define SLM_MAX_GRAMMAR_LISTS 8       /* arrays within arrays */
#define SLM_MAX_GRAMMAR_STATES 32768  /* of the automata of all scalars */
#define SLM_MAX_GRAMMAR_EDGES 262144  /* of one automaton in the making */
#define SLM_MAX_GRAMMAR_PLACES 8192   /* of an automaton in the making, at one time */
#define SLM_MAX_GRAMMAR_THREADS 32    /* ways to read what is written, at one time */
#define SLM_MAX_GRAMMAR_CHARS 1000000 /* of minLength and maxLength */
#define SLM_MAX_GRAMMAR_ITEMS 65535   /* of minItems and maxItems */
#define SLM_MAX_GRAMMAR_DIGITS 18     /* before the point, of minimum and maximum */
#define SLM_MAX_GRAMMAR_MULTIPLE 1000 /* of multipleOf, its point aside */
#define SLM_GRAMMAR_CHARS 1000        /* of a string without maxLength */
#define SLM_GRAMMAR_ITEMS 100         /* of an array without maxItems */
#define SLM_GRAMMAR_DIGITS 15         /* before the point, of a number without limits */
#define SLM_GRAMMAR_FRACTION 6        /* digits behind the point */
#define SLM_GRAMMAR_FORMAT_CHARS 63   /* of an email or hostname: no part can be too long */
#define SLM_MAX_VERBATIM_BYTES 4096   /* of a string that stands in the input */
#define SLM_MAX_PATTERN_BYTES 1024
#define SLM_MAX_PATTERN_DEPTH 16      /* groups within groups */
#define SLM_MAX_PATTERN_REPEAT 1000   /* of {n,m} */
#define SLM_MAX_PATTERN_PAIRS 4194304 /* of states, beside a format or a look-ahead */
#define SLM_MAX_PATTERN_RANGES 256    /* of one class of characters */
#define SLM_MAX_MASK_TOKEN_BYTES 255  /* longer tokens are never allowed by a mask */
#define SLM_MAX_MASKS 1024            /* kept for one grammar */

/* Work between two polls of the host: all well under 2 ms on the slowest path */
#define SLM_POLL_BYTES 65536         /* bytes tokenized, hashed or repacked */
#define SLM_POLL_SCAN_BYTES 1024     /* bytes scanned for typed values */
#define SLM_POLL_VERBATIM 4096       /* comparisons of places in a text */
#define SLM_POLL_MACS 1000000        /* multiply-adds of a matrix panel */
#define SLM_TOGETHER_MACS 100000     /* less work than that is not shared among threads */
#define SLM_IO_STEP_BYTES (4U << 20) /* one read or write of a model file or image */

#endif
