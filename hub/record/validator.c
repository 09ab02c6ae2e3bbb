/* SPDX-License-Identifier: Apache-2.0 */
/* validator.c - the validator of common records. */
#include <errno.h>
#include <string.h>

#include "record/engine.h"
#include "record/record.h"

struct kw_validator {
    struct kw_engine engine;
};

int kw_validator_new(struct kw_validator **ret_validator)
{
    struct kw_validator *validator = kw_alloc(sizeof(*validator));
    if (validator == NULL)
        return -ENOMEM;
    int error = kw_engine_init(&validator->engine, &kw_record_tables, KW_N_record, KW_N_records);
    if (error != 0) {
        kw_validator_free(validator);
        return error;
    }
    *ret_validator = validator;
    return 0;
}

void kw_validator_free(struct kw_validator *validator)
{
    if (validator == NULL)
        return;
    kw_engine_clear(&validator->engine);
    kw_free(validator);
}

void kw_validator_freep(struct kw_validator **validator)
{
    kw_validator_free(*validator);
    *validator = NULL;
}

int kw_validate(struct kw_validator *validator, struct kw_view text, struct kw_buf *ret_canonical, struct kw_buf *ret_image,
                bool *ret_is_canonical, struct kw_fault *fault)
{
    struct kw_engine *engine = &validator->engine;
    engine->several = false;
    engine->visit = NULL;
    int error = kw_engine_run(engine, text, KW_LIMIT_RECORD, fault);
    if (error != 0)
        return error;
    /* both or none: reserve first, then copy, which cannot fail */
    size_t kept_canonical = ret_canonical ? ret_canonical->size : 0, kept_image = ret_image ? ret_image->size : 0;
    if (ret_canonical && engine->canonical.size > kept_canonical)
        error = kw_buf_reserve(ret_canonical, engine->canonical.size - kept_canonical);
    if (error == 0 && ret_image && engine->image.size > kept_image)
        error = kw_buf_reserve(ret_image, engine->image.size - kept_image);
    if (error != 0)
        return kw_fail(fault, error, KW_E_MEMORY, "", "out of memory");
    if (ret_canonical) {
        ret_canonical->size = 0;
        error = kw_buf_append(ret_canonical, engine->canonical.data, engine->canonical.size);
    }
    if (error == 0 && ret_image) {
        ret_image->size = 0;
        error = kw_buf_append(ret_image, engine->image.data, engine->image.size);
    }
    if (error == 0 && ret_is_canonical)
        *ret_is_canonical = kw_view_equal(text, kw_view_of(&engine->canonical));
    return error;
}

int kw_validate_file(struct kw_validator *validator, struct kw_view text,
                     int (*visit)(void *context, struct kw_view canonical, struct kw_view image), void *context,
                     struct kw_fault *fault)
{
    struct kw_engine *engine = &validator->engine;
    engine->several = true;
    engine->visit = visit;
    engine->context = context;
    return kw_engine_run(engine, text, KW_LIMIT_RECORDS_FILE, fault);
}
