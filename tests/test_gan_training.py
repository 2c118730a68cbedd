"""The loop on tiny networks: resume, parts and processes, what is logged, and that it learns."""

import json
from time import sleep

import numpy as np
import pytest
import torch
from gan_pairs import Squares
from torch import distributed

from phantomloom.gan import processes, run, step
from phantomloom.gan.losses import CriticLoss
from phantomloom.gan.schedule import Growth, factors
from phantomloom.gan.settings import Shape
from phantomloom.gan.trained import module_of
from phantomloom.gan.training import train

VARIANTS = ("mask_embedding", "no_embedding", "modern")


def tiny(name, **changes):
    few = {"images": 64, "features": 4, "batch": 8, "save_every_images": 32, "log_every_images": 16}
    return module_of(name).DEFAULTS._replace(**few | changes)


def weights(trained):
    return trained.network.state_dict()


def lines(folder, without=("images_per_second",)):
    told = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: v for key, v in line.items() if key not in without} for line in told]


def die_at(images):
    def die(shown, _trained):
        if shown >= images:
            raise KeyboardInterrupt

    return die


def assert_equal(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(value, other[name]) for name, value in one.items())


@pytest.mark.parametrize("name", VARIANTS)
def test_a_killed_run_ends_with_the_same_weights_and_log(tmp_path, name):
    settings = tiny(name, average_images=40, flips=True, save_every_images=24)
    data = Squares(size=8 if name == "mask_embedding" else 16)
    whole = train(name, data, settings, tmp_path / "whole")
    for images in (24, 48):
        with pytest.raises(KeyboardInterrupt):
            train(name, data, settings, tmp_path / "killed", on_save=die_at(images))
    resumed = train(name, data, settings, tmp_path / "killed")
    assert_equal(weights(resumed), weights(whole))
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")
    saved = [torch.load(tmp_path / way / "state.pt") for way in ("whole", "killed")]
    for part in ("generator", "critic"):
        assert_equal(saved[0][part], saved[1][part])
        moments = [state[f"of_{part}"]["state"] for state in saved]
        assert moments[0].keys() == moments[1].keys()
        for parameter in moments[0]:
            assert_equal(moments[0][parameter], moments[1][parameter])


def test_what_comes_after_the_last_save_is_made_again(tmp_path, monkeypatch):
    settings = tiny("modern")
    whole = train("modern", Squares(), settings, tmp_path / "whole")
    make = step.make

    def killed(task, networks, batch):
        if batch.step == 7:  # 56 images were shown, 32 are saved
            raise KeyboardInterrupt
        return make(task, networks, batch)

    with monkeypatch.context() as patched:
        patched.setattr(step, "make", killed)
        with pytest.raises(KeyboardInterrupt):
            train("modern", Squares(), settings, tmp_path / "killed")
    with (tmp_path / "killed/log.jsonl").open("a") as log:
        log.write('{"images": 56, "st')
    assert lines(tmp_path / "whole")[:4] == lines_of_whole(tmp_path / "killed/log.jsonl")
    resumed = train("modern", Squares(), settings, tmp_path / "killed")
    assert_equal(weights(resumed), weights(whole))
    assert lines(tmp_path / "killed") == lines(tmp_path / "whole")


def lines_of_whole(log):
    whole = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    told = [json.loads(line) for line in whole]
    return [{k: v for k, v in line.items() if k != "images_per_second"} for line in told]


def test_a_run_that_is_done_makes_nothing_again(tmp_path):
    settings = tiny("modern", images=8)
    done = train("modern", Squares(), settings, tmp_path)
    before = (tmp_path / "log.jsonl").read_text()
    again = train("modern", Squares(), settings._replace(log_every_images=1), tmp_path)
    assert_equal(weights(again), weights(done))
    assert (tmp_path / "log.jsonl").read_text() == before and len(lines(tmp_path)) == 2


def test_what_decides_a_run_makes_it_another():
    settings = tiny("modern", images=8)
    first = run.identity("modern", Squares(), settings, "")
    same = settings._replace(log_every_images=1, save_every_images=8)
    assert run.identity("modern", Squares(), same, "") == first
    others = {
        run.identity("modern", Squares(seed=1), settings, ""),
        run.identity("modern", Squares(), settings._replace(penalty=2.0), ""),
        run.identity("modern", Squares(), settings, "edited"),
        run.identity("no_embedding", Squares(), settings, ""),
    }
    assert len(others - {first}) == 4


def test_the_log_says_what_is_run_and_how_it_goes(tmp_path):
    settings = tiny("no_embedding", images=120)
    train("no_embedding", Squares(), settings, tmp_path)
    first, *rest = lines(tmp_path)
    assert first["factors"] == factors(16, settings)._asdict()
    assert first["settings"]["images"] == 120 and first["shape"]["size"] == 16
    assert [line["images"] for line in rest] == [16, 32, 48, 64, 80, 96, 112, 120]
    assert [line["step"] for line in rest] == [2, 4, 6, 8, 10, 12, 14, 15]
    assert [line["size"] for line in rest] == [8] + 7 * [16]
    assert 0 < rest[1]["alpha"] < 1 == rest[-1]["alpha"]
    assert all(line["penalty"] > 0 for line in rest)


def test_the_hook_sees_the_generator_as_it_is_saved(tmp_path):
    seen = []

    def look(shown, trained):
        masks, noise = Squares().one_hot([0, 1]), torch.zeros(2, trained.noise_size)
        seen.append((shown, trained.growth.size, trained.sample(masks, noise)))

    done = train("no_embedding", Squares(), tiny("no_embedding"), tmp_path, on_save=look)
    assert [(shown, size) for shown, size, _ in seen] == [(32, 16), (64, 16)]
    masks = Squares().one_hot([0, 1])
    assert torch.equal(seen[-1][2], done.sample(masks, torch.zeros(2, 512)))
    assert not torch.equal(seen[0][2], seen[1][2])


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_state(tmp_path):
    class Broken(Squares):
        def scaled(self, rows):
            self.asked = getattr(self, "asked", 0) + (len(rows) == 8)
            return super().scaled(rows) * (float("nan") if self.asked > 5 else 1)

    with pytest.raises(FloatingPointError) as failed:
        train("modern", Broken(), tiny("modern"), tmp_path)
    state = tmp_path / "state.pt"
    told = str(failed.value)
    assert "step 5 after 40 images: the loss of the critic is nan; lower learning_rate" in told
    assert str(state) in told
    assert torch.load(state)["images"] == 32


def test_a_gradient_that_overflows_stops_the_run_though_the_loss_is_finite(tmp_path, monkeypatch):
    def rooted(critic, *_):
        nothing = sum((value - value).abs().sum() for value in critic.parameters())
        return CriticLoss(nothing.sqrt(), nothing)  # 0, with a slope of 0 / 0

    monkeypatch.setattr(module_of("modern"), "critic_loss", rooted)
    with pytest.raises(FloatingPointError, match=r"the gradient of the critic overflows"):
        train("modern", Squares(), tiny("modern"), tmp_path)


def test_one_pixel_of_one_image_or_mask_makes_it_another_run():
    data, settings = Squares(count=600), tiny("modern")
    whole = {run.identity("modern", data, settings, "")}
    for array in (data.images, data.masks):
        array[431, 0, 3, 4] += 1
        whole.add(run.identity("modern", data, settings, ""))
    assert len(whole) == 3


def test_every_pass_shows_every_row_once_in_another_order():
    shown = np.concatenate([step.rows_at(first, 7, 10, 0) for first in range(0, 70, 7)])
    passes = shown.reshape(7, 10)
    assert (np.sort(passes, axis=1) == np.arange(10)).all()
    assert len({tuple(order) for order in passes.tolist()}) == 7
    assert (step.rows_at(3, 30, 10, 0) == shown[3:33]).all()
    assert (step.rows_at(0, 10, 10, 1) != shown[:10]).any()


def made(name, at_once, **changes):
    """A step's losses and the networks after it."""
    data = Squares()
    task = run.Task(
        module_of(name), data, run.shape_of(data), tiny(name, at_once=at_once, **changes), "cpu"
    )
    state = run.Run(task)
    rows = step.rows_at(0, 8, 24, 0)
    losses = step.make(task, state.networks, step.Batch(0, rows, Growth(16)))
    return losses, state


def test_parts_of_a_batch_add_up_to_the_gradient_of_their_mean(monkeypatch):
    """Each part's own loss is made anew, with the draws of that part, and averaged."""
    seen = []
    variant = module_of("mask_embedding")
    loss_of = variant.critic_loss

    def watched(critic, *args):
        loss = loss_of(critic, *args)
        inputs = list(critic.parameters())
        seen.append(torch.autograd.grad(loss.total, inputs, retain_graph=True, allow_unused=True))
        return loss

    monkeypatch.setattr(variant, "critic_loss", watched)
    _, state = made("mask_embedding", at_once=2)
    assert len(seen) == 4
    for number, parameter in enumerate(state.networks.critic.parameters()):
        of_parts = [gradients[number] for gradients in seen]
        if of_parts[0] is None:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, torch.stack(of_parts).mean(0))


@pytest.mark.parametrize("at_once, size, parts", [(8, 16, 1), (4, 16, 2), (3, 16, 4), (2, 8, 2)])
def test_a_batch_is_split_into_equal_parts_that_memory_holds(at_once, size, parts):
    data = Squares()
    task = run.Task(
        module_of("modern"), data, run.shape_of(data), tiny("modern", at_once=at_once), "cpu"
    )
    made = step._parts(task, step.Batch(0, np.arange(8), Growth(size)))
    assert [part.number for part in made] == list(range(parts))
    assert {part.real.shape for part in made} == {(8 // parts, 1, size, size)}
    assert torch.equal(torch.cat([part.masks for part in made]), data.masks[:8])


def part_count(variant, batch, size, at_once):
    its = module_of(variant)
    task = run.Task(its, None, Shape(512, 1, 1), its.DEFAULTS._replace(at_once=at_once), "cpu")
    return step.part_count(batch, size, task)


def test_a_critic_that_looks_at_the_batch_sees_two_images_at_least():
    assert part_count("modern", 4, 512, 1) == 4
    assert part_count("mask_embedding", 4, 512, 2) == 2
    with pytest.raises(ValueError, match="in equal parts of 2 to 1 images; raise at_once, now 1"):
        part_count("mask_embedding", 4, 512, 1)


def test_small_images_come_in_parts_as_well_since_their_masks_are_large():
    assert part_count("mask_embedding", 128, 8, 4) == 8


def test_flips_change_the_names_of_sides():
    names = ("skin", "l_eye", "r_eye", "l_lip", "kidney_left", "ear_r", "kidney_right", "hair")
    assert step.mirrored(names) == [0, 2, 1, 3, 6, 5, 4, 7]
    data = Squares(64)
    data.about = data.about._replace(class_names=("l_eye", "r_eye"))
    data.masks = torch.cat([data.masks, 0 * data.masks], 1)
    task = run.Task(
        module_of("modern"), data, run.shape_of(data), tiny("modern", flips=True), "cpu"
    )
    (part,) = step._parts(task, step.Batch(0, np.arange(64), Growth(16)))
    turned = part.masks[:, 1].flatten(1).any(1)
    assert 16 < int(turned.sum()) < 48
    assert torch.equal(part.masks[turned][:, 1], data.masks[turned][:, 0].flip(2))


def test_flips_turn_image_and_mask_together():
    data = Squares(64)
    task = run.Task(
        module_of("modern"), data, run.shape_of(data), tiny("modern", flips=True), "cpu"
    )
    (part,) = step._parts(task, step.Batch(0, np.arange(64), Growth(16)))
    turned = [not torch.equal(part.real[i], data.images[i]) for i in range(64)]
    assert 16 < sum(turned) < 48
    for i, flipped in enumerate(turned):
        image, mask = (x[i].flip(2) if flipped else x[i] for x in (data.images, data.masks))
        assert torch.equal(part.real[i], image) and torch.equal(part.masks[i], mask)


def test_the_mean_of_the_weights_has_the_half_life_that_is_asked():
    data = Squares()
    state = run.Run(
        run.Task(
            module_of("modern"), data, run.shape_of(data), tiny("modern", average_images=40), "cpu"
        )
    )
    state.images = 10_000
    start = [value.clone() for value in state.average.parameters()]
    with torch.no_grad():
        for value in state.networks.generator.parameters():
            value += 1
    for _ in range(5):
        state.count(8)
    for mean, before in zip(state.average.parameters(), start, strict=True):
        torch.testing.assert_close(mean, before + 0.5)


def spread(name):
    """Settings with two parts to each batch."""
    return tiny(name, at_once=4, flips=True, progressive=False)


def two(_rank, folder, name):
    """Train in two processes."""
    torch.set_num_threads(1)

    def work(device):
        trained = train(name, Squares(size=8), spread(name), folder / "two", device)
        torch.save(trained.network.state_dict(), folder / f"weights-{processes.rank()}.pt")

    processes.each(2, work)


def test_two_processes_train_as_one_with_as_many_parts(tmp_path):
    """The deviation of the batch is of a part in both, so that it takes no exception."""
    name = "mask_embedding"
    torch.multiprocessing.spawn(two, (tmp_path, name))  # where no gradient was made before
    one = train(name, Squares(size=8), spread(name), tmp_path / "one")
    first, second = (torch.load(tmp_path / f"weights-{rank}.pt") for rank in (0, 1))
    assert_equal(first, second)
    for key, value in weights(one).items():
        torch.testing.assert_close(first[key], value)
    begun, *told = lines(tmp_path / "one")
    begun_too, *told_too = lines(tmp_path / "two")
    assert begun == begun_too and len(told) == len(told_too)
    for line, other in zip(told, told_too, strict=True):  # sums in another order round otherwise
        assert line == pytest.approx(other, rel=1e-4, abs=1e-4)


class SlowlyToldError(ValueError):
    def __str__(self):
        sleep(0.3)  # so that the other, should it lose this one already, is the first to end
        return super().__str__()


def fail_in_the_second(_rank, folder):
    def work(_device):
        if processes.rank() == 1:
            raise SlowlyToldError(f"no such folder: {folder}")
        distributed.barrier()  # waits for the other

    processes.each(2, work)


def test_what_fails_in_one_process_stops_all_and_is_told(tmp_path):
    with pytest.raises(Exception, match=f"SlowlyToldError: no such folder: {tmp_path}"):
        torch.multiprocessing.spawn(fail_in_the_second, (tmp_path,))


def test_more_processes_than_gpus_are_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(Exception, match="2 GPUs were asked for and 1 are here"):
        processes.each(2, print)


def test_processes_that_cannot_share_a_batch_are_told(monkeypatch):
    monkeypatch.setattr(step.processes, "count", lambda: 3)
    with pytest.raises(ValueError, match="3 processes cannot share a batch of 8 at"):
        made("modern", at_once=8)


@pytest.mark.parametrize("name", ["mask_embedding", "modern"])
def test_it_learns_that_pixels_in_the_mask_are_bright(tmp_path, name):
    few = {"images": 1600, "features": 16, "progressive": False, "learning_rate": 4e-3}
    settings = tiny(name, **few, save_every_images=10_000, augmentation=())
    done = train(name, Squares(64, size=8), settings, tmp_path)
    masks = Squares(32, size=8, seed=5).masks
    draw = torch.Generator().manual_seed(0)
    images = done.sample(masks, torch.randn(32, done.noise_size, generator=draw))
    assert np.corrcoef(images.flatten(), masks.flatten())[0, 1] > 0.5
