from typing import final

INTERFACE: int
"""Number of this interface: tokenaudit ignores a module with another one."""

def use_libdeflate(path: str) -> None:
    """Load the functions of libdeflate from the shared library at `path`.

    Raises:
        ImportError: it can't be loaded, or does not export them.
    """

@final
class Walk:
    """Walks delta trees of a pack, each object from its base, without the interpreter lock."""

    def __new__(cls, file: int, plan: bytes, count: int, roots: int, reach: int, large: int, limit: int, /) -> Walk:
        """Map the pack.

        Args:
            file: descriptor of the pack.
            plan: 64-bit integers, one array after the other. Of each of `count` objects: start and end of its
                compressed data, its inflated size, whether it is wanted, and where its children begin (`count + 1`
                numbers). Then the children of all objects, then the `roots` objects that are not deltas.
            count: number of objects.
            roots: number of objects that are not deltas.
            reach: bytes around an insertion that belong to it; -1 to get every object whole.
            large: maximum size of an object in memory.
            limit: maximum bytes to inflate and build.

        Raises:
            ValueError: the plan points outside the pack or itself.
            OSError: the pack can't be mapped.
        """

    def fill(self, limit: int, /) -> tuple[bytes, bytes, bytes, int, int, int, bool]:
        """Return the next batch, of about `limit` bytes.

        The items: bytes to search, with a zero byte between entries; pairs of 64-bit integers, object and start of
        its entry; pairs of object and failure (1 corrupt, 2 larger than `large`, 3 out of memory), which is that of
        everything built from it; number and bytes of the objects; the number of wanted objects before the work limit,
        if that was reached, otherwise -1; whether there is more.

        The entry of a delta whose base is wanted contains what it inserts, with `reach` bytes around; every other
        entry is a whole object.

        Raises:
            MemoryError: the memory does not suffice for the batch.
            RuntimeError: another thread is using the walk.
        """
