"""Several processes, each with a GPU of its own, that train one network on parts of each batch."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import format_exc

import torch
from torch import Tensor, distributed, multiprocessing, nn

said = logging.getLogger("phantomloom.gan")


def each(count: int, work: Callable[[str], None]) -> None:
    """Do ``work`` on a device, or in each of ``count`` processes on a device of its own.

    Forked, so that a job's script is not run again: this process must not have used a GPU, made
    gradients or computed in several threads, none of which survive a fork. When one fails the
    others are stopped.

    Raises:
        RuntimeError: if one raises, as it does where there are fewer GPUs than processes, but
            some; it holds the traceback of the first that did.
        torch.multiprocessing.ProcessExitedException: if one dies, of too little memory perhaps.
    """
    if count <= 1:
        work("cuda" if torch.cuda.is_available() else "cpu")
        return
    with TemporaryDirectory() as folder:
        its = Path(folder), count, work
        try:
            multiprocessing.start_processes(_first_tells, its, count, start_method="fork")
        except multiprocessing.ProcessRaisedException as error:
            raise RuntimeError(Path(folder, "why").read_text()) from error


def _first_tells(rank: int, folder: Path, count: int, work: Callable[[str], None]) -> None:
    """Do the work; when the first fails, its lost connections soon make the others fail too."""
    try:
        _together(rank, folder / "meeting", count, work)
    except Exception:
        with suppress(FileExistsError), Path(folder, "why").open("x") as why:
            why.write(f"process {rank + 1} of {count}:\n{format_exc()}")
        raise


def _together(rank: int, meeting: Path, count: int, work: Callable[[str], None]) -> None:
    found = torch.cuda.device_count()
    if found and found < count:
        raise RuntimeError(
            f"{count} GPUs were asked for and {found} are here; give the rule generator as many "
            "(resource gpu), and set CUDA_VISIBLE_DEVICES"
        )
    if found:
        torch.cuda.set_device(rank)
    else:
        said.warning("there is no GPU: process %d of %d trains on the CPU", rank + 1, count)
    distributed.init_process_group(
        "nccl" if found else "gloo", init_method=f"file://{meeting}", rank=rank, world_size=count
    )
    work(f"cuda:{rank}" if found else "cpu")
    distributed.destroy_process_group()  # not after a failure: the first to fail tells before


def rank() -> int:
    """Return the number of this process, from 0."""
    return distributed.get_rank() if _several() else 0


def count() -> int:
    """Return how many processes train together."""
    return distributed.get_world_size() if _several() else 1


def mean(values: Tensor) -> Tensor:
    """Return the mean of ``values`` over the processes, the same in all of them."""
    if not _several():
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / count()


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Set each gradient to its mean over the processes; all must hold gradients of the same."""
    if not _several():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    means = mean(torch.cat([gradient.flatten() for gradient in gradients]))
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, part in zip(gradients, means.split(sizes), strict=True):
        gradient.copy_(part.view_as(gradient))


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
