/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - configuration files: XML checked by schemas/config.xsd, and where installed data stands. */
#ifndef KINWARD_CONFIG_H
#define KINWARD_CONFIG_H

#include "base/base.h"
#include "xml/xml.h"

#define KW_PATH_SIZE 1024

struct kw_config {
    struct kw_xml *document;
    const struct kw_xml_element *root;
    char folder[KW_PATH_SIZE]; /* of the file: relative paths in it start here */
    char path[KW_PATH_SIZE];
};

/* Reads, checks against the schema and demands the root element's name (hub, agent, agency, witness). Faults carry file and
 * line. */
KW_CHECKED int kw_config_load(const char *path, const char *root, struct kw_config *ret_config, struct kw_fault *fault);
void kw_config_clear(struct kw_config *config);

/* Attributes of element. text and path copy into ret; fallback NULL makes the attribute required. */
KW_CHECKED int kw_config_text(const struct kw_config *config, const struct kw_xml_element *element, const char *name,
                              const char *fallback, char *ret_text, size_t size, struct kw_fault *fault);
KW_CHECKED int kw_config_path(const struct kw_config *config, const struct kw_xml_element *element, const char *name,
                              const char *fallback, char ret_path[KW_PATH_SIZE], struct kw_fault *fault);
KW_CHECKED int kw_config_integer(const struct kw_config *config, const struct kw_xml_element *element, const char *name,
                                 int64_t fallback, int64_t low, int64_t high, int64_t *ret_value, struct kw_fault *fault);
/* The only child element of that name; -ENOENT without a fault when there is none. */
const struct kw_xml_element *kw_config_child(const struct kw_config *config, const char *name);

/* Where data of the program stands: KINWARD_DATA, else the source tree of a program run in its build folder, else the installed
 * prefix. name: "schemas/config.xsd", "connectors/csv". -ENOENT when it is not there. */
KW_CHECKED int kw_data_path(const char *name, char ret_path[KW_PATH_SIZE]);

#endif
