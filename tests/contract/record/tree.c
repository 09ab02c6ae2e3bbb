/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - the element tree of the mutation tests. */
#include "tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint64_t dice_next(struct dice *dice)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return dice->state * 0x2545F4914F6CDD1Du;
}

int dice_below(struct dice *dice, int limit)
{
    return (int)((dice_next(dice) >> 33) % (uint64_t)limit);
}

void tree_clear(struct tree *tree)
{
    for (int i = 0; i < tree->count; i++)
        free(tree->elements[i].text);
    tree->count = 0;
}

static int new_element(struct tree *tree, const char *name, int parent)
{
    if (tree->count == TREE_NODES || (parent >= 0 && tree->elements[parent].child_count == TREE_CHILDREN))
        return -1;
    int number = tree->count++;
    struct element *element = &tree->elements[number];
    memset(element, 0, sizeof(*element));
    snprintf(element->name, sizeof(element->name), "%s", name);
    element->parent = parent;
    if (parent >= 0) {
        struct element *above = &tree->elements[parent];
        above->children[above->child_count++] = number;
    }
    return number;
}

static void read_element(struct tree *tree, const struct kw_xml_element *from, int parent)
{
    int number = new_element(tree, kw_xml_name(from), parent);
    assert(number >= 0);
    struct element *element = &tree->elements[number];
    const char *name;
    for (size_t i = 0; (name = kw_xml_attribute_name(from, i)) != NULL; i++) {
        struct kw_buf value = {0};
        assert(i < TREE_ATTRIBUTES);
        if (kw_xml_attribute(from, name, &value) != 0)
            abort();
        snprintf(element->attributes[i][0], sizeof(element->attributes[i][0]), "%s", name);
        snprintf(element->attributes[i][1], sizeof(element->attributes[i][1]), "%s", value.data ? (char *)value.data : "");
        element->attribute_count++;
        kw_buf_clear(&value);
    }
    const struct kw_xml_element *child = kw_xml_first(from, NULL);
    if (child == NULL) {
        struct kw_buf text = {0};
        if (kw_xml_text(from, &text) != 0)
            abort();
        tree_set_text(tree, number, text.data ? (char *)text.data : "");
        kw_buf_clear(&text);
    }
    for (; child != NULL; child = kw_xml_next(child, NULL))
        read_element(tree, child, number);
}

void tree_read(struct tree *tree, const struct kw_xml *document)
{
    tree_clear(tree);
    read_element(tree, kw_xml_root(document), -1);
}

void tree_set_text(struct tree *tree, int element, const char *text)
{
    char *copy = strdup(text);
    assert(copy != NULL);
    free(tree->elements[element].text);
    tree->elements[element].text = copy;
}

int tree_copy(struct tree *tree, int from, int parent)
{
    int number = new_element(tree, tree->elements[from].name, parent);
    if (number < 0)
        return -1;
    struct element *source = &tree->elements[from], *copy = &tree->elements[number];
    memcpy(copy->attributes, source->attributes, sizeof(copy->attributes));
    copy->attribute_count = source->attribute_count;
    if (source->text)
        tree_set_text(tree, number, source->text);
    for (int i = 0, count = source->child_count; i < count; i++)
        if (source->children[i] != number && tree_copy(tree, source->children[i], number) < 0)
            return -1;
    return number;
}

static void write_text(struct kw_buf *out, const char *text, bool attribute)
{
    if (kw_xml_escape(out, kw_view_text(text), attribute) != 0)
        abort();
}

static void put(struct kw_buf *out, const char *text)
{
    if (kw_buf_text(out, text) != 0)
        abort();
}

static void write_element(const struct tree *tree, int number, const char *space, struct kw_buf *out)
{
    const struct element *element = &tree->elements[number];
    put(out, "<");
    put(out, element->name);
    if (space) {
        put(out, " xmlns=\"");
        put(out, space);
        put(out, "\"");
    }
    for (int i = 0; i < element->attribute_count; i++) {
        put(out, " ");
        put(out, element->attributes[i][0]);
        put(out, "=\"");
        write_text(out, element->attributes[i][1], true);
        put(out, "\"");
    }
    if (element->text == NULL && element->child_count == 0 && element->stray[0] == 0) {
        put(out, "/>");
        return;
    }
    put(out, ">");
    if (element->text)
        write_text(out, element->text, false);
    if (element->stray[0])
        write_text(out, element->stray, false);
    for (int i = 0; i < element->child_count; i++) {
        put(out, element->text ? "" : "\n ");
        write_element(tree, element->children[i], NULL, out);
    }
    put(out, "</");
    put(out, element->name);
    put(out, ">");
}

void tree_write(const struct tree *tree, const char *space, struct kw_buf *out)
{
    write_element(tree, 0, space, out);
}
