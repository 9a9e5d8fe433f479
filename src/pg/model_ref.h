/*
 * model_ref.h - from a model's name to something that runs
 *
 * A model is a foreign server of the foreign-data wrapper slm (catalog.c). Its
 * file is found (files.c), hashed and built into an image once (cache.c), and
 * the image mapped once per backend (weights.c).  A trained model is a head
 * (head_store.c) on the image of another, its base.
 */
#ifndef SLM_PG_MODEL_REF_H
#define SLM_PG_MODEL_REF_H

#include "engine/slm.h"
#include "pg/guc.h"
#include "task/head.h"

#define SLM_FINGERPRINT_CHARS 32 /* hexadecimal digits */

/*
 * A resolved model.  Lives in the backend's model cache; stays valid, and its
 * mapping in place, at least until slm_model_ref_valid() is next asked: a
 * caller that keeps one in fn_extra stores its generation beside it and asks at
 * each call.  Weights never change under a ref: a replaced model is another ref.
 */
typedef struct SlmModelRef
{
	Oid serverid;
	NameData name;
	char fingerprint[SLM_FINGERPRINT_CHARS + 1];
	uint64 generation;
	const SlmModel *model;   /* of a trained model: its base's, as are the options */
	SlmModelOptions options; /* texts live as long as the ref */
	const SlmHead *head;     /* of a trained model, else NULL; lives as long as the ref */
} SlmModelRef;

/*
 * Resolves a name (NULL: the default setting's) for the current user: foreign
 * server of our wrapper or 42704, USAGE or 42501, file or 58P01, image built or
 * awaited, mapped.  May take long the first time; interruptible.  Never
 * returns NULL.
 */
extern const SlmModelRef *slm_model_by_name(const char *name, SlmDefaultModel which);

/* The same for a slm_model value "name@fingerprint": anything else than exactly
 * that fingerprint is an error (22023, hint how to pin anew). */
extern const SlmModelRef *slm_model_by_pin(const char *pin);

/*
 * The model that guesses what this one writes (its option "draft"), NULL where it has
 * none; valid as long as the statement.  Raises when there is one that cannot be used,
 * or that has another vocabulary (22023).
 */
extern const SlmModel *slm_model_draft(const SlmModelRef *ref);

/* True while a remembered ref of that generation may still be used. */
extern bool slm_model_ref_valid(const SlmModelRef *ref, uint64 generation);

/*
 * Raises 58030 when a read of the ref's mapping hit a truncated image since
 * the last call (the SIGBUS guard, weights.c).  Call after every engine call,
 * before its result is used; also slm_raise() does it for cancelled calls.
 */
extern void slm_model_check_mapping(void);

/* True once the SIGBUS guard has fired and nobody has raised it yet. */
extern bool slm_mapping_is_broken(void);

#endif
