/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - the bound of every outside quantity, in one place. */
#ifndef KINWARD_LIMITS_H
#define KINWARD_LIMITS_H

/* bus */
#define KW_LIMIT_MESSAGE      (1u << 20)  /* bytes of one frame (ZMQ_MAXMSGSIZE) */
#define KW_LIMIT_HEADER       (64u << 10) /* bytes of a JSON header */
#define KW_LIMIT_FRAMES       5           /* frames of a message, routing id not counted */
#define KW_LIMIT_PIPE_MESSAGE (8u << 20)  /* bytes of one message on a child's pipe */
#define KW_LIMIT_BATCH        512         /* records in one SUBMIT */

/* documents */
#define KW_LIMIT_RECORD       (256u << 10) /* bytes of one common record */
#define KW_LIMIT_RECORDS_FILE (64u << 20)  /* bytes of a <records> file */
#define KW_LIMIT_EXPLAINED    4000         /* values of a document whose mapping is explained */
#define KW_LIMIT_DOCUMENT     (8u << 20)   /* bytes of one raw document of a registry */
#define KW_LIMIT_DEPTH        64           /* nesting of elements, or of JSON */
#define KW_LIMIT_ATTRIBUTES   64           /* attributes of one element */
#define KW_LIMIT_TEXT         (64u << 10)  /* bytes of one text or attribute value */
#define KW_LIMIT_NODES        16384        /* elements and attributes of one record */
#define KW_LIMIT_JSON_VALUES  (1u << 19)   /* values in one JSON text */

/* names and numbers */
#define KW_LIMIT_PRINCIPAL      64 /* bytes of a principal's name */
#define KW_LIMIT_SOURCE_ID      256
#define KW_LIMIT_SOURCE_VERSION 128
#define KW_LIMIT_PRINCIPALS     65536

/* http */
#define KW_LIMIT_HTTP_BODY    (8u << 20)
#define KW_LIMIT_HTTP_HEADERS (64u << 10)

/* local files */
#define KW_LIMIT_CONFIG   (1u << 20)
#define KW_LIMIT_KEY_FILE 4096
#define KW_LIMIT_SECRET   (64u << 10)
#define KW_LIMIT_NOTE     (128u << 10)
#define KW_LIMIT_PROOF    (256u << 10)

#endif
