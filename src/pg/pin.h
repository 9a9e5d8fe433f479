/*
 * pin.h - the type slm_model, "name@fingerprint"
 */
#ifndef SLM_PG_PIN_H
#define SLM_PG_PIN_H

/*
 * Copies the name of a pin to name (NAMEDATALEN) and returns its fingerprint,
 * inside pin.  Raises 22P02 when pin is not one.
 */
extern const char *slm_pin_split(const char *pin, char *name);

#endif
