/* Walks the delta trees of a part of a Git pack without the interpreter lock, and fills batches of bytes to search.

   The format of packs and deltas: gitformat-pack(5). Everything in a pack can be hostile: every offset and size is
   checked before it is used, and the sizes that are held are limited as in the reader in Python. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define INTERFACE 1
#define LONGEST_NUMBER 70 /* bits */
#define SIZE_ZERO 0x10000
#define MANY_PIECES 200
#define SHORT_DELTA 2000
#define MOST_REACH (1 << 20)
#define WHOLE (SIZE_MAX / 2) /* a reach that no copy exceeds */
#define SPARE (4 << 20)      /* bytes of an empty buffer that are kept */

enum { FINE, CORRUPT, LARGE, NO_MEMORY, END };
/* The interface of libdeflate that is used, from the module of the package `deflate`. */
typedef void *(*alloc_function)(void);
typedef void (*free_function)(void *);
typedef int (*inflate_function)(void *, const void *, size_t, void *, size_t, size_t *);
static alloc_function alloc_inflater;
static free_function free_inflater;
static inflate_function inflate_zlib;

typedef struct {
    uint8_t *data;
    size_t size, room;
} Buffer;

static int reserve(Buffer *buffer, size_t more) {
    if (more > SIZE_MAX / 4 - buffer->size)
        return NO_MEMORY;
    size_t wanted = buffer->size + more;
    if (wanted <= buffer->room)
        return FINE;
    size_t room = wanted + (wanted < SPARE ? wanted / 2 + 64 : 0);
    uint8_t *data = realloc(buffer->data, room);
    if (!data)
        return NO_MEMORY;
    buffer->data = data;
    buffer->room = room;
    return FINE;
}

static int append_pair(Buffer *buffer, int64_t first, int64_t second) {
    int64_t pair[2] = {first, second};
    if (reserve(buffer, sizeof pair))
        return NO_MEMORY;
    memcpy(buffer->data + buffer->size, pair, sizeof pair);
    buffer->size += sizeof pair;
    return FINE;
}

static void empty(Buffer *buffer) {
    buffer->size = 0;
    if (buffer->room > SPARE) {
        free(buffer->data);
        *buffer = (Buffer){0};
    }
}

/* The content of an object from which others are built. `next` and `stop` are the children left to take. */
typedef struct {
    uint8_t *data;
    size_t size;
    int is_clean;
    int64_t next, stop;
} Base;

typedef struct {
    PyObject_HEAD
    const uint8_t *pack;
    size_t pack_size;
    PyObject *plan; /* bytes with the arrays below, one after the other; children and roots together are `count` */
    int64_t count, roots_count, next_root;
    const int64_t *starts, *ends, *sizes, *wanted, *first, *children, *roots;
    size_t reach, large;
    int64_t left, passed, visits, objects, bytes;
    void *inflater;
    Base *stack;
    size_t depth, stack_room;
    Buffer text, table, failures, inflated;
    int is_busy, is_limited;
} Walk;

/* Reads the number at `*at`, seven bits a byte; too large ones become the largest. */
static int number(const uint8_t *data, size_t size, size_t *at, uint64_t *value) {
    *value = 0;
    for (int shift = 0; shift < LONGEST_NUMBER; shift += 7) {
        if (*at >= size)
            return CORRUPT;
        uint8_t byte = data[(*at)++];
        uint64_t bits = byte & 127;
        if (bits && (shift > 63 || bits << shift >> shift != bits))
            *value = UINT64_MAX;
        else if (*value != UINT64_MAX && shift <= 63)
            *value |= bits << shift;
        if (byte < 128)
            return FINE;
    }
    return CORRUPT;
}

typedef struct {
    const uint8_t *from;
    size_t size;
    int is_copy;
} Piece;

typedef struct {
    const uint8_t *data;
    size_t size, at;
    const Base *base;
    uint64_t target, built;
    size_t pieces, inserted; /* inserted: bytes that the pieces to search take */
    int end;
} Delta;

/* Reads the next piece. As in `apply_delta` of dulwich, an instruction for which there is no room ends the delta. */
static int next_piece(Delta *delta, Piece *piece) {
    uint8_t code = delta->data[delta->at++];
    if (code < 128) {
        if (code > delta->target)
            return END;
        if (!code || code > delta->size - delta->at || code > delta->target - delta->built)
            return CORRUPT;
        *piece = (Piece){delta->data + delta->at, code, 0};
        delta->at += code;
    } else {
        uint64_t start = 0, length = 0;
        for (int bit = 0; bit < 7; bit++) {
            if (!(code >> bit & 1))
                continue;
            if (delta->at >= delta->size)
                return CORRUPT;
            uint64_t byte = delta->data[delta->at++];
            if (bit < 4)
                start |= byte << 8 * bit;
            else
                length |= byte << 8 * (bit - 4);
        }
        length = length ? length : SIZE_ZERO;
        if (length > delta->base->size || start > delta->base->size - length || length > delta->target - delta->built)
            return END;
        *piece = (Piece){delta->base->data + start, length, 1};
    }
    delta->built += piece->size;
    return FINE;
}

/* Checks a delta whole. `start` is then its first instruction, and `delta->end` CORRUPT if it is not valid. */
static int check(const Walk *walk, Delta *delta, size_t *start) {
    uint64_t source;
    Piece piece;
    if (number(delta->data, delta->size, &delta->at, &source) ||
        number(delta->data, delta->size, &delta->at, &delta->target) || source != delta->base->size)
        return CORRUPT;
    *start = delta->at;
    while (delta->at < delta->size && !(delta->end = next_piece(delta, &piece))) {
        int is_cut = piece.is_copy && piece.size > 2 * walk->reach;
        delta->pieces += is_cut ? 2 : 1;
        delta->inserted += is_cut ? 2 * walk->reach : piece.size;
    }
    if (delta->at < delta->size || delta->built != delta->target)
        delta->end = CORRUPT;
    return FINE;
}

/* Writes the result of a valid delta to `to`, which has room for it. Of copies longer than twice `reach`, only that many
   bytes at both ends: this is what the delta inserts, with the bytes around it. */
static void build(const Delta *checked, size_t start, size_t reach, uint8_t *to) {
    Delta delta = *checked;
    Piece piece;
    delta.at = start;
    delta.built = 0;
    while (delta.at < delta.size && !next_piece(&delta, &piece)) {
        if (piece.is_copy && piece.size > 2 * reach) {
            memcpy(to, piece.from, reach);
            to += reach;
            piece.from += piece.size - reach;
            piece.size = reach;
        }
        memcpy(to, piece.from, piece.size);
        to += piece.size;
    }
}

/* Begins the entry of `node` with `size` bytes to search, and returns where to write them. */
static uint8_t *begin_entry(Walk *walk, int64_t node, size_t size) {
    Buffer *text = &walk->text;
    size_t start = text->size + (walk->table.size > 0);
    if (size > SIZE_MAX / 4 || reserve(text, size + 1) || append_pair(&walk->table, node, (int64_t)start))
        return NULL;
    if (start > text->size)
        text->data[text->size] = 0; /* so that no entry is part of a word in another */
    text->size = start + size;
    return text->data + start;
}

/* Inflates `node` into the buffer for that. */
static int inflate_node(Walk *walk, int64_t node) {
    size_t stored = (size_t)(walk->ends[node] - walk->starts[node]), size = (size_t)walk->sizes[node], made = 0;
    if (size > walk->large || stored > walk->large)
        return LARGE;
    walk->inflated.size = 0;
    if (reserve(&walk->inflated, size + 1))
        return NO_MEMORY;
    walk->inflated.size = size;
    const uint8_t *from = walk->pack + walk->starts[node];
    if (inflate_zlib(walk->inflater, from, stored, walk->inflated.data, size ? size : 1, &made) || made != size)
        return CORRUPT;
    return FINE;
}

/* Adds `node`, whose base is given unless it is a whole object, to the batch; `kept` is its content if it has children. */
static int visit(Walk *walk, int64_t node, const Base *base, Base *kept) {
    int failure = inflate_node(walk, node);
    if (failure)
        return failure;
    const uint8_t *data = walk->inflated.data;
    size_t size = walk->inflated.size, start = 0;
    int is_wanted = walk->wanted[node] != 0, is_clean = base && base->is_clean;
    Delta delta = {.data = data, .size = size, .base = base, .target = size};
    walk->left -= (int64_t)size;
    if (base) {
        if (!kept && !is_wanted)
            return FINE;
        if (check(walk, &delta, &start))
            return CORRUPT;
        int is_short = size < SHORT_DELTA && SHORT_DELTA < base->size && delta.pieces <= MANY_PIECES && !delta.end;
        if (delta.target > walk->large && (kept || !is_clean || !is_short || walk->reach == WHOLE))
            return LARGE;
        if (delta.end == CORRUPT)
            return CORRUPT;
    }
    size_t target = (size_t)delta.target;
    if (kept) {
        int is_taken = !base && size > walk->inflated.room / 2;
        kept->data = is_taken ? walk->inflated.data : malloc(target + 1);
        if (!kept->data)
            return NO_MEMORY;
        if (is_taken)
            walk->inflated = (Buffer){0};
        else if (base)
            build(&delta, start, WHOLE, kept->data);
        else
            memcpy(kept->data, data, size);
        kept->size = target;
        kept->is_clean = is_wanted;
        walk->left -= (int64_t)target;
    }
    if (!is_wanted)
        return FINE;
    int is_part = is_clean && delta.inserted < target;
    uint8_t *to = begin_entry(walk, node, is_part ? delta.inserted : target);
    if (!to) {
        if (kept)
            free(kept->data);
        return NO_MEMORY;
    }
    if (kept && !is_part)
        memcpy(to, kept->data, target);
    else if (base)
        build(&delta, start, is_part ? walk->reach : WHOLE, to);
    else
        memcpy(to, data, size);
    if (base && !kept && !is_clean)
        walk->left -= (int64_t)base->size;
    walk->objects++;
    walk->bytes += (int64_t)target;
    return FINE;
}

static int push(Walk *walk, const Base *base) {
    if (walk->depth == walk->stack_room) {
        size_t room = walk->stack_room * 2 + 64;
        Base *stack = room > SIZE_MAX / sizeof *stack ? NULL : realloc(walk->stack, room * sizeof *stack);
        if (!stack)
            return NO_MEMORY;
        walk->stack = stack;
        walk->stack_room = room;
    }
    walk->stack[walk->depth++] = *base;
    return FINE;
}

/* Visits `node` and takes note of a failure. The failure of a base is that of everything built from it. */
static int step(Walk *walk, int64_t node, const Base *base) {
    int64_t next = walk->first[node], stop = walk->first[node + 1];
    Base kept = {.next = next, .stop = stop};
    if (++walk->visits > walk->count)
        return CORRUPT; /* not a tree */
    walk->passed += walk->wanted[node] != 0;
    int failure = visit(walk, node, base, next < stop ? &kept : NULL);
    if (!failure && next < stop && (failure = push(walk, &kept)))
        free(kept.data);
    if (failure && append_pair(&walk->failures, node, failure))
        return NO_MEMORY;
    return FINE;
}

/* Fills the batch until it has `limit` bytes or nothing is left. */
static int fill(Walk *walk, size_t limit) {
    while (walk->text.size < limit && walk->failures.size < limit && walk->left >= 0) {
        int failure;
        if (!walk->depth) {
            if (walk->next_root >= walk->roots_count)
                break;
            if (walk->text.size && (uint64_t)walk->sizes[walk->roots[walk->next_root]] > limit)
                break; /* a large object is a batch of its own */
            failure = step(walk, walk->roots[walk->next_root++], NULL);
        } else {
            Base base = walk->stack[walk->depth - 1];
            int64_t child = walk->children[base.next];
            int is_last = base.next + 1 >= base.stop;
            if (is_last)
                walk->depth--; /* so that it is not held while the largest subtree is visited */
            else
                walk->stack[walk->depth - 1].next++;
            failure = step(walk, child, &base);
            if (is_last)
                free(base.data);
        }
        if (failure)
            return failure;
    }
    walk->is_limited = walk->left < 0;
    return FINE;
}

static PyObject *as_bytes(const Buffer *buffer) {
    return PyBytes_FromStringAndSize(buffer->size ? (const char *)buffer->data : "", (Py_ssize_t)buffer->size);
}

static PyObject *walk_fill(PyObject *self, PyObject *arguments) {
    Walk *walk = (Walk *)self;
    Py_ssize_t limit;
    int failure;
    if (!PyArg_ParseTuple(arguments, "n:fill", &limit))
        return NULL;
    if (walk->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the walk is used by another thread");
        return NULL;
    }
    walk->objects = walk->bytes = 0;
    walk->is_busy = 1;
    Py_BEGIN_ALLOW_THREADS
    failure = fill(walk, limit > 0 ? (size_t)limit : 1);
    Py_END_ALLOW_THREADS
    walk->is_busy = 0;
    if (failure == NO_MEMORY)
        return PyErr_NoMemory();
    if (failure) {
        PyErr_SetString(PyExc_ValueError, "the plan is not a forest");
        return NULL;
    }
    int is_done = walk->is_limited || (!walk->depth && walk->next_root >= walk->roots_count);
    PyObject *made = Py_BuildValue("(NNNLLLN)", as_bytes(&walk->text), as_bytes(&walk->table),
                                   as_bytes(&walk->failures), (long long)walk->objects, (long long)walk->bytes,
                                   walk->is_limited ? (long long)walk->passed : -1LL, PyBool_FromLong(!is_done));
    empty(&walk->text);
    empty(&walk->table);
    empty(&walk->failures);
    empty(&walk->inflated);
    return made;
}

/* Whether every number of the plan is within the pack and the plan. */
static int is_sound(const Walk *walk) {
    int64_t count = walk->count, edges = count - walk->roots_count;
    for (int64_t node = 0; node < count; node++) {
        int64_t start = walk->starts[node], end = walk->ends[node];
        if (start < 0 || end < start || (uint64_t)end > walk->pack_size || walk->sizes[node] < 0 ||
            walk->first[node + 1] < walk->first[node])
            return 0;
    }
    for (int64_t each = 0; each < count; each++) /* the children, then the roots */
        if (walk->children[each] < 0 || walk->children[each] >= count)
            return 0;
    return walk->first[0] == 0 && walk->first[count] == edges;
}

static PyObject *walk_new(PyTypeObject *type, PyObject *arguments, PyObject *named) {
    int file;
    PyObject *plan;
    long long count, roots, left;
    Py_ssize_t reach, large;
    struct stat status;
    (void)named;
    if (!PyArg_ParseTuple(arguments, "iSLLnnL:Walk", &file, &plan, &count, &roots, &reach, &large, &left))
        return NULL;
    size_t numbers = (size_t)PyBytes_Size(plan) / sizeof(int64_t);
    if (!inflate_zlib || reach < -1 || reach > MOST_REACH || large < 0 || (size_t)large > SIZE_MAX / 8 || roots < 0 ||
        count < roots || (unsigned long long)count > numbers / 6 || numbers != 6 * (size_t)count + 1) {
        PyErr_SetString(PyExc_ValueError, "libdeflate is not loaded, or an argument is wrong");
        return NULL;
    }
    Walk *walk = (Walk *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!walk)
        return NULL;
    Py_INCREF(plan);
    walk->plan = plan;
    walk->starts = (const int64_t *)PyBytes_AsString(plan);
    walk->ends = walk->starts + count;
    walk->sizes = walk->ends + count;
    walk->wanted = walk->sizes + count;
    walk->first = walk->wanted + count;
    walk->children = walk->first + count + 1;
    walk->roots = walk->children + count - roots;
    walk->count = count;
    walk->roots_count = roots;
    walk->reach = reach < 0 ? WHOLE : (size_t)reach;
    walk->large = (size_t)large;
    walk->left = left;
    walk->inflater = alloc_inflater();
    void *mapped = MAP_FAILED;
    if (!walk->inflater) {
        PyErr_NoMemory();
    } else if (fstat(file, &status) || status.st_size < 1 ||
               (mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0)) == MAP_FAILED) {
        PyErr_SetString(PyExc_OSError, "the pack can't be mapped");
    } else {
        walk->pack = mapped;
        walk->pack_size = (size_t)status.st_size;
        if (is_sound(walk))
            return (PyObject *)walk;
        PyErr_SetString(PyExc_ValueError, "the plan points outside the pack");
    }
    Py_DECREF(walk);
    return NULL;
}

static void walk_dealloc(PyObject *self) {
    Walk *walk = (Walk *)self;
    PyTypeObject *type = Py_TYPE(self);
    while (walk->depth)
        free(walk->stack[--walk->depth].data);
    free(walk->stack);
    free(walk->text.data);
    free(walk->table.data);
    free(walk->failures.data);
    free(walk->inflated.data);
    if (walk->inflater)
        free_inflater(walk->inflater);
    if (walk->pack)
        munmap((void *)walk->pack, walk->pack_size);
    Py_XDECREF(walk->plan);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *use_libdeflate(PyObject *module, PyObject *arguments) {
    const char *path;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "s:use_libdeflate", &path))
        return NULL;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* never closed: the functions are used until the end */
    if (!library) {
        PyErr_SetString(PyExc_ImportError, dlerror());
        return NULL;
    }
    alloc_function alloc = (alloc_function)dlsym(library, "libdeflate_alloc_decompressor");
    free_function release = (free_function)dlsym(library, "libdeflate_free_decompressor");
    inflate_function inflate = (inflate_function)dlsym(library, "libdeflate_zlib_decompress");
    if (!alloc || !release || !inflate) {
        PyErr_SetString(PyExc_ImportError, "the library does not export libdeflate");
        return NULL;
    }
    alloc_inflater = alloc;
    free_inflater = release;
    inflate_zlib = inflate;
    Py_RETURN_NONE;
}

static PyMethodDef walk_methods[] = {{"fill", walk_fill, METH_VARARGS, NULL}, {0}};
static PyType_Slot walk_slots[] = {
    {Py_tp_new, walk_new}, {Py_tp_dealloc, walk_dealloc}, {Py_tp_methods, walk_methods}, {0}};
static PyType_Spec walk_spec = {"tokenaudit_fast._fast.Walk", sizeof(Walk), 0, Py_TPFLAGS_DEFAULT, walk_slots};
static PyMethodDef methods[] = {{"use_libdeflate", use_libdeflate, METH_VARARGS, NULL}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_fast", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fast(void) {
    PyObject *module = PyModule_Create(&definition);
    PyObject *walk = module ? PyType_FromSpec(&walk_spec) : NULL;
    if (!walk || PyModule_AddObject(module, "Walk", walk) || PyModule_AddIntConstant(module, "INTERFACE", INTERFACE)) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
