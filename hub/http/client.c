/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - HTTP client: allow-listed hosts, no redirects, every wait and size bounded. */
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "http/http.h"

#define RETRY_AFTER_MAX_MS (24 * 60 * 60 * INT64_C(1000))

struct kw_http_client {
    CURLM *multi; /* keeps the connections */
    CURL *easy;
    char **hosts;
    size_t body_limit;
    bool plain;
    atomic_bool cancelled;
};

struct exchange { /* one request's way through the callbacks */
    struct kw_http_response response;
    size_t body_limit, header_bytes;
    bool too_large, no_memory, retry_after;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;

static void start_library(void)
{
    started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void kw_http_response_clear(struct kw_http_response *response)
{
    if (!response)
        return;
    kw_buf_clear(&response->body);
    *response = (struct kw_http_response){0};
}

/* ---- callbacks ------------------------------------------------------------- */

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
    struct exchange *exchange = context;
    /* Counted after decoding: a small compressed body may be a large one. */
    if (size > exchange->body_limit - exchange->response.body.size)
        exchange->too_large = true;
    else if (kw_buf_append(&exchange->response.body, data, size) < 0)
        exchange->no_memory = true;
    else
        return size;
    return 0;
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
    static const char retry_after[] = "retry-after:";
    struct exchange *exchange = context;
    exchange->header_bytes += size;
    if (exchange->header_bytes > KW_LIMIT_HTTP_HEADERS) {
        exchange->too_large = true;
        return 0;
    }
    if (size >= sizeof retry_after - 1 && !strncasecmp(data, retry_after, sizeof retry_after - 1))
        exchange->retry_after = true;
    return size;
}

/* ---- making -------------------------------------------------------------------- */

static int copy_hosts(struct kw_http_client *client, const char *const *hosts)
{
    size_t count = 0;
    while (hosts && hosts[count])
        count++;
    client->hosts = kw_alloc((count + 1) * sizeof *client->hosts);
    if (!client->hosts)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!(client->hosts[i] = kw_strdup(hosts[i])))
            return -ENOMEM;
    return 0;
}

static CURLcode set_pem(CURL *easy, CURLoption option, struct kw_view pem)
{
    struct curl_blob blob = {(void *)(uintptr_t)pem.data, pem.size, CURL_BLOB_COPY};
    return pem.size ? curl_easy_setopt(easy, option, &blob) : CURLE_OK;
}

static CURLcode set_up(struct kw_http_client *client, const struct kw_http_options *options)
{
    CURL *easy = client->easy;
    const char *protocols = options->plain ? "http,https" : "https";
    CURLcode code = CURLE_OK;
#define SET(option, value) code = code ? code : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PROTOCOLS_STR, protocols);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(options->connect_ms ? options->connect_ms : 10000));
    SET(CURLOPT_TIMEOUT_MS, (long)(options->total_ms ? options->total_ms : 60000));
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_USERAGENT, "kinward");
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_HEADERFUNCTION, on_header);
#undef SET
    code = code ? code : set_pem(easy, CURLOPT_CAINFO_BLOB, options->authorities);
    code = code ? code : set_pem(easy, CURLOPT_SSLCERT_BLOB, options->certificate);
    return code ? code : set_pem(easy, CURLOPT_SSLKEY_BLOB, options->key);
}

int kw_http_client_new(const struct kw_http_options *options, struct kw_http_client **ret_client, struct kw_fault *fault)
{
    pthread_once(&once, start_library);
    struct kw_http_client *client = kw_alloc(sizeof *client);
    if (!client)
        return -ENOMEM;
    client->body_limit = options->body_limit ? options->body_limit : KW_LIMIT_HTTP_BODY;
    client->plain = options->plain;
    client->multi = started ? NULL : curl_multi_init();
    client->easy = started ? NULL : curl_easy_init();
    CURLcode code = client->multi && client->easy ? set_up(client, options) : CURLE_FAILED_INIT;
    int error = code ? kw_fail(fault, -EIO, KW_E_CONFIG, "http", "no client: %s", curl_easy_strerror(code))
                     : copy_hosts(client, options->hosts);
    if (error) {
        kw_http_client_free(client);
        return error;
    }
    *ret_client = client;
    return 0;
}

void kw_http_client_free(struct kw_http_client *client)
{
    if (!client)
        return;
    if (client->easy)
        curl_easy_cleanup(client->easy);
    if (client->multi)
        curl_multi_cleanup(client->multi);
    for (char **host = client->hosts; host && *host; host++)
        kw_free(*host);
    kw_free(client->hosts);
    kw_free(client);
}

void kw_http_cancel(struct kw_http_client *client)
{
    atomic_store(&client->cancelled, true);
    curl_multi_wakeup(client->multi);
}

/* ---- sending ------------------------------------------------------------------- */

static bool host_allowed(const struct kw_http_client *client, const char *host, const char *port)
{
    char both[300];
    if ((size_t)snprintf(both, sizeof both, "%s:%s", host, port) >= sizeof both)
        return false;
    for (char **entry = client->hosts; *entry; entry++)
        if (!strcasecmp(*entry, host) || !strcasecmp(*entry, both))
            return true;
    return false;
}

/* Parses url once; libcurl then uses this very parse. ret_host: for faults. */
static int check_url(const struct kw_http_client *client, const char *text, CURLU *url, char ret_host[128], struct kw_fault *fault)
{
    char *host = NULL, *port = NULL, *scheme = NULL;
    int error = 0;
    if (curl_url_set(url, CURLUPART_URL, text, 0) || curl_url_get(url, CURLUPART_HOST, &host, 0) ||
        curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) || curl_url_get(url, CURLUPART_SCHEME, &scheme, 0))
        error = kw_fail(fault, -EINVAL, KW_E_CONFIG, "url", "not a URL with scheme and host");
    else if (strcmp(scheme, "https") != 0 && (!client->plain || strcmp(scheme, "http") != 0))
        error = kw_fail(fault, -EACCES, KW_E_FORBIDDEN, host, "%s is not allowed here", scheme);
    else if (!host_allowed(client, host, port))
        error = kw_fail(fault, -EACCES, KW_E_FORBIDDEN, host, "this host and port %s are not on the list of allowed hosts", port);
    else
        snprintf(ret_host, 128, "%s:%s", host, port);
    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    return error;
}

static int make_headers(const struct kw_http_request *request, struct curl_slist **ret_list)
{
    struct curl_slist *list = NULL;
    bool typed = false;
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        struct curl_slist *longer = strpbrk(request->headers[i], "\r\n") ? NULL : curl_slist_append(list, request->headers[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return strpbrk(request->headers[i], "\r\n") ? -EINVAL : -ENOMEM;
        }
        list = longer;
        typed = typed || !strncasecmp(request->headers[i], "content-type:", 13);
    }
    struct curl_slist *longer = curl_slist_append(list, "Expect:");
    if (longer && !typed)
        longer = curl_slist_append(list = longer, "Content-Type:");
    if (!longer) {
        curl_slist_free_all(list);
        return -ENOMEM;
    }
    *ret_list = longer;
    return 0;
}

static void prepare(CURL *easy, const struct kw_http_request *request, CURLU *url, struct curl_slist *headers,
                    struct exchange *exchange)
{
    bool body = request->body.size > 0 || !strcmp(request->method, "POST") || !strcmp(request->method, "PUT");
    curl_easy_setopt(easy, CURLOPT_CURLU, url);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* resets what an earlier request set */
    curl_easy_setopt(easy, CURLOPT_NOBODY, !strcmp(request->method, "HEAD") ? 1L : 0L);
    if (body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.size ? (const char *)request->body.data : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(request->method, "HEAD") != 0 ? request->method : NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
}

/* Runs the one transfer to its end. -ECANCELED when told so from another thread. */
static int run(struct kw_http_client *client, CURLcode *ret_code)
{
    int running = 1;
    CURLMcode multi = CURLM_OK;
    while (running && !multi && !atomic_load(&client->cancelled)) {
        multi = curl_multi_perform(client->multi, &running);
        if (!multi && running)
            multi = curl_multi_poll(client->multi, NULL, 0, 1000, NULL);
    }
    if (running && atomic_load(&client->cancelled))
        return -ECANCELED;
    if (multi)
        return -EIO;
    int left;
    CURLMsg *message = curl_multi_info_read(client->multi, &left);
    *ret_code = message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_RECV_ERROR;
    return 0;
}

static int explain(CURLcode code, const struct exchange *exchange, const char *host, struct kw_fault *fault)
{
    if (exchange->no_memory || code == CURLE_OUT_OF_MEMORY)
        return -ENOMEM;
    if (exchange->too_large)
        return kw_fail(fault, -EMSGSIZE, KW_E_TOO_LARGE, host, "the answer is larger than %zu bytes", exchange->body_limit);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return kw_fail(fault, -ETIMEDOUT, KW_E_TIMEOUT, host, "no answer in time");
    return kw_fail(fault, -EIO, KW_E_NETWORK, host, "%s", curl_easy_strerror(code));
}

static void finish(CURL *easy, struct exchange *exchange)
{
    struct kw_http_response *response = &exchange->response;
    long status = 0;
    char *type = NULL;
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    response->status = (int)status;
    snprintf(response->content_type, sizeof response->content_type, "%s", type ? type : "");
    response->retry_after_ms = -1;
    if (exchange->retry_after)
        response->retry_after_ms = seconds < 0 ? 0 : seconds > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : seconds * 1000;
}

int kw_http_send(struct kw_http_client *client, const struct kw_http_request *request, struct kw_http_response *ret_response,
                 struct kw_fault *fault)
{
    char host[128] = "";
    struct curl_slist *headers = NULL;
    struct exchange exchange = {.body_limit = client->body_limit};
    if (atomic_load(&client->cancelled))
        return -ECANCELED;
    CURLU *url = curl_url();
    int error = url ? check_url(client, request->url, url, host, fault) : -ENOMEM;
    if (!error && (error = make_headers(request, &headers)) == -EINVAL)
        kw_fail(fault, error, KW_E_CONFIG, "headers", "a line break in a header");
    if (!error) {
        CURLcode code = CURLE_OK;
        prepare(client->easy, request, url, headers, &exchange);
        error = curl_multi_add_handle(client->multi, client->easy) ? -EIO : run(client, &code);
        if (!error && code)
            error = explain(code, &exchange, host, fault);
        else if (error)
            kw_fail(fault, error, KW_E_NETWORK, host, "%s", error == -ECANCELED ? "cancelled" : "the transfer failed");
        if (!error)
            finish(client->easy, &exchange);
        curl_multi_remove_handle(client->multi, client->easy);
    }
    curl_slist_free_all(headers);
    curl_easy_setopt(client->easy, CURLOPT_CURLU, NULL);
    curl_url_cleanup(url);
    if (error) {
        kw_http_response_clear(&exchange.response);
        return error;
    }
    kw_http_response_clear(ret_response);
    *ret_response = exchange.response;
    return 0;
}
