/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - C2SP tlog-policy: which logs and witnesses are trusted, and how many of them it takes. */
#include <errno.h>
#include <string.h>

#include "ledger/internal.h"

#define LOGS_MAX      32
#define WITNESSES_MAX 64
#define GROUPS_MAX    64
#define NAMES_MAX     (WITNESSES_MAX + GROUPS_MAX)
#define WORDS_MAX     (NAMES_MAX + 3)

struct member { /* of the one name space: a witness or a group */
    char *name;
    bool is_group, taken;
    size_t witness;      /* its index, for a witness */
    unsigned threshold;  /* for a group */
    uint64_t members[2]; /* of a group: bits of names */
};
struct kw_policy {
    struct kw_policy_key logs[LOGS_MAX], witnesses[WITNESSES_MAX];
    struct member names[NAMES_MAX];
    size_t log_count, witness_count, name_count, group_count;
    bool has_quorum;
    int quorum; /* index of a name; -1: none wanted */
};

struct reader {
    struct kw_policy *policy;
    struct kw_view words[WORDS_MAX];
    size_t count;
    unsigned line;
    struct kw_fault *fault;
};

static char *copy_text(struct kw_view view)
{
    char *text = kw_alloc(view.size + 1);

    if (text)
        memcpy(text, view.data, view.size);
    return text;
}

static int bad(struct reader *reader, const char *why)
{
    int r = kw_fail(reader->fault, -EBADMSG, KW_E_CONFIG, "policy", "%s", why);

    if (reader->fault)
        reader->fault->line = reader->line;
    return r;
}

/* 0 and the words of a line; octets allowed are those of the specification. */
static int split_words(struct reader *reader, struct kw_view line)
{
    size_t at = 0;

    reader->count = 0;
    for (size_t i = 0; i < line.size; i++) {
        if ((line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f)
            return bad(reader, "a control character");
    }
    while (at < line.size) {
        size_t start;

        while (at < line.size && (line.data[at] == ' ' || line.data[at] == '\t'))
            at++;
        start = at;
        while (at < line.size && line.data[at] != ' ' && line.data[at] != '\t')
            at++;
        if (at == start || (reader->count == 0 && line.data[start] == '#'))
            break;
        if (reader->count == WORDS_MAX)
            return bad(reader, "too many words on a line");
        reader->words[reader->count++] = (struct kw_view){line.data + start, at - start};
    }
    return 0;
}

static int find_name(const struct kw_policy *policy, struct kw_view name)
{
    for (size_t i = 0; i < policy->name_count; i++) {
        if (kw_view_is(name, policy->names[i].name))
            return (int)i;
    }
    return -ENOENT;
}

static int read_key(struct reader *reader, size_t first, uint8_t type, struct kw_policy_key *keys, size_t *count)
{
    struct kw_policy_key *key = &keys[*count];
    int r;

    if (reader->count < first + 1 || reader->count > first + 2)
        return bad(reader, "not a name, a key and perhaps an address");
    r = kw_vkey_parse(reader->words[first], &key->vkey, reader->fault);
    if (r < 0) {
        if (reader->fault)
            reader->fault->line = reader->line;
        return r;
    }
    if (key->vkey.type != type)
        return bad(reader, "the key is of another type than a log's (1) or a witness's (4)");
    for (size_t i = 0; i < *count; i++) {
        if (memcmp(keys[i].vkey.key, key->vkey.key, KW_KEY_SIZE) == 0)
            return bad(reader, "this key stands there already");
    }
    if (reader->count == first + 2) {
        key->url = copy_text(reader->words[first + 1]);
        if (!key->url)
            return -ENOMEM;
    }
    (*count)++;
    return 0;
}

static int new_name(struct reader *reader, struct member **ret_member)
{
    struct kw_policy *policy = reader->policy;
    struct member *member = &policy->names[policy->name_count];

    if (reader->count < 3)
        return bad(reader, "words are missing");
    if (kw_view_is(reader->words[1], "none") || find_name(policy, reader->words[1]) >= 0)
        return bad(reader, "this name is taken");
    member->name = copy_text(reader->words[1]);
    if (!member->name)
        return -ENOMEM;
    policy->name_count++;
    *ret_member = member;
    return 0;
}

static int read_witness(struct reader *reader)
{
    struct kw_policy *policy = reader->policy;
    struct member *member;
    int r;

    if (policy->witness_count == WITNESSES_MAX)
        return bad(reader, "too many witnesses");
    r = new_name(reader, &member);
    if (r < 0)
        return r;
    member->witness = policy->witness_count;
    policy->witnesses[policy->witness_count].name = member->name;
    return read_key(reader, 2, KW_NOTE_COSIGNATURE, policy->witnesses, &policy->witness_count);
}

static int read_group(struct reader *reader)
{
    struct kw_policy *policy = reader->policy;
    uint64_t members[2] = {0}, threshold = 0, count;
    struct member *group;
    int r;

    if (reader->count < 4 || policy->group_count == GROUPS_MAX)
        return bad(reader, "a group needs a name, all, any or a number, and members");
    count = reader->count - 3;
    for (size_t i = 3; i < reader->count; i++) {
        int name = find_name(policy, reader->words[i]);

        if (name < 0)
            return bad(reader, "a member is not the name of a witness or group above");
        if (policy->names[name].taken)
            return bad(reader, "a name is a member once only");
        policy->names[name].taken = true;
        members[name / 64] |= (uint64_t)1 << (name % 64);
    }
    if (kw_view_is(reader->words[2], "all"))
        threshold = count;
    else if (kw_view_is(reader->words[2], "any"))
        threshold = 1;
    else if (kw_decimal(reader->words[2], &threshold) < 0 || threshold < 1 || threshold > count)
        return bad(reader, "a group needs all, any or a number from 1 to that of its members");
    r = new_name(reader, &group);
    if (r < 0)
        return r;
    group->is_group = true;
    group->threshold = (unsigned)threshold;
    memcpy(group->members, members, sizeof members);
    policy->group_count++;
    return 0;
}

static int read_quorum(struct reader *reader)
{
    if (reader->count != 2 || reader->policy->has_quorum)
        return bad(reader, "there is one quorum line with one name");
    reader->policy->has_quorum = true;
    reader->policy->quorum = -1;
    if (kw_view_is(reader->words[1], "none"))
        return 0;
    reader->policy->quorum = find_name(reader->policy, reader->words[1]);
    return reader->policy->quorum < 0 ? bad(reader, "the quorum is not the name of a witness or group above") : 0;
}

static int read_line(struct reader *reader, struct kw_view line)
{
    int r = split_words(reader, line);

    if (r < 0 || reader->count == 0)
        return r;
    if (kw_view_is(reader->words[0], "log"))
        return reader->policy->log_count == LOGS_MAX
                   ? bad(reader, "too many logs")
                   : read_key(reader, 1, KW_NOTE_ED25519, reader->policy->logs, &reader->policy->log_count);
    if (kw_view_is(reader->words[0], "witness"))
        return read_witness(reader);
    if (kw_view_is(reader->words[0], "group"))
        return read_group(reader);
    if (kw_view_is(reader->words[0], "quorum"))
        return read_quorum(reader);
    return bad(reader, "a line starts with log, witness, group or quorum");
}

int kw_policy_parse(struct kw_view text, struct kw_policy **ret_policy, struct kw_fault *fault)
{
    struct kw_policy *policy = kw_alloc(sizeof *policy);
    struct reader reader = {.policy = policy, .fault = fault};
    struct kw_view line;
    int r = 0;

    if (!policy)
        return -ENOMEM;
    while (text.size > 0 && r == 0) {
        reader.line++;
        r = kw_line(&text, &line);
        r = r < 0 ? bad(&reader, "the last line has no newline") : read_line(&reader, line);
    }
    if (r == 0 && !policy->has_quorum)
        r = bad(&reader, "there is no quorum line");
    if (r < 0) {
        kw_policy_free(policy);
        return r;
    }
    *ret_policy = policy;
    return 0;
}

int kw_policy_load(const char *path, struct kw_policy **ret_policy, struct kw_fault *fault)
{
    struct kw_buf text = {0};
    int r = kw_file_read(path, KW_LIMIT_CONFIG, &text, fault);

    if (r == 0)
        r = kw_policy_parse(kw_view_of(&text), ret_policy, fault);
    kw_buf_clear(&text);
    return r;
}

void kw_policy_free(struct kw_policy *policy)
{
    if (!policy)
        return;
    for (size_t i = 0; i < policy->log_count; i++)
        kw_free((void *)(uintptr_t)policy->logs[i].url);
    for (size_t i = 0; i < policy->witness_count; i++)
        kw_free((void *)(uintptr_t)policy->witnesses[i].url);
    for (size_t i = 0; i < policy->name_count; i++)
        kw_free(policy->names[i].name);
    kw_free(policy);
}

void kw_policy_freep(struct kw_policy **policy)
{
    kw_policy_free(*policy);
    *policy = NULL;
}

const struct kw_policy_key *kw_policy_log(const struct kw_policy *policy, size_t index)
{
    return index < policy->log_count ? &policy->logs[index] : NULL;
}

const struct kw_policy_key *kw_policy_witness(const struct kw_policy *policy, size_t index)
{
    return index < policy->witness_count ? &policy->witnesses[index] : NULL;
}

/* ---- evaluation ------------------------------------------------------------------------------ */

/* Names stand above their use, so one pass from the front settles all. */
static bool quorum_met(const struct kw_policy *policy, const bool *cosigned)
{
    bool met[NAMES_MAX] = {false};

    for (size_t i = 0; i < policy->name_count; i++) {
        const struct member *member = &policy->names[i];
        unsigned have = 0;

        if (!member->is_group) {
            met[i] = cosigned[member->witness];
            continue;
        }
        for (size_t j = 0; j < i; j++)
            have += met[j] && (member->members[j / 64] >> (j % 64) & 1);
        met[i] = have >= member->threshold;
    }
    return policy->quorum < 0 || met[policy->quorum];
}

/* Is this line of a key in the policy (its origin's log, or a witness)? */
static bool line_known(const struct kw_policy *policy, const struct kw_note_line *line)
{
    for (size_t i = 0; i < policy->log_count + policy->witness_count; i++) {
        const struct kw_vkey *vkey = i < policy->log_count ? &policy->logs[i].vkey : &policy->witnesses[i - policy->log_count].vkey;

        if (kw_view_is(line->name, vkey->name) && memcmp(line->id, vkey->id, sizeof vkey->id) == 0)
            return true;
    }
    return false;
}

/* 1, 0 or negative as kw_note_verify; the fault names the key. */
static int check_key(const struct kw_note *note, const struct kw_vkey *vkey, struct kw_fault *fault)
{
    int r = kw_note_verify(note, vkey, NULL);

    return r == -EBADMSG ? kw_fail(fault, r, KW_E_NOTE, vkey->name, "its signature is wrong") : r;
}

static int check_signatures(const struct kw_policy *policy, const struct kw_note *note, struct kw_view origin,
                            struct kw_fault *fault)
{
    bool cosigned[WITNESSES_MAX] = {false}, logged = false;

    for (size_t i = 0; i < policy->log_count; i++) {
        int r = check_key(note, &policy->logs[i].vkey, fault);

        if (r < 0)
            return r;
        logged |= r > 0 && kw_view_is(origin, policy->logs[i].vkey.name);
    }
    for (size_t i = 0; i < policy->witness_count; i++) {
        int r = check_key(note, &policy->witnesses[i].vkey, fault);

        if (r < 0)
            return r;
        cosigned[i] = r > 0;
    }
    if (!logged)
        return kw_fail(fault, -EBADMSG, KW_E_NOTE, "checkpoint", "no log of the policy signed it");
    if (!quorum_met(policy, cosigned))
        return kw_fail(fault, -EAGAIN, KW_E_QUORUM, "checkpoint", "cosignatures of the policy's quorum are missing");
    return 0;
}

int kw_policy_check(const struct kw_policy *policy, struct kw_view bytes, bool all_known, struct kw_checkpoint *ret_checkpoint,
                    struct kw_fault *fault)
{
    struct kw_checkpoint checkpoint;
    struct kw_note note;
    int r = kw_note_parse(bytes, &note, fault);

    if (r == 0)
        r = kw_checkpoint_parse(note.text, &checkpoint, fault);
    if (r < 0)
        return r;
    for (size_t i = 0; all_known && i < note.count; i++) {
        if (!line_known(policy, &note.lines[i]))
            return kw_fail(fault, -EBADMSG, KW_E_NOTE, "checkpoint", "signature line %zu is of a key that the policy does not know",
                           i + 1);
    }
    r = check_signatures(policy, &note, checkpoint.origin, fault);
    if (r == 0 || r == -EAGAIN)
        *ret_checkpoint = checkpoint; /* the caller may go on with a checkpoint that only awaits cosignatures */
    return r;
}
