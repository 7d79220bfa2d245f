"""Exit codes and the sentence for unknown names."""

import pytest

from zerosum import errors


def test_exit_codes_are_those_documented():
    codes = {
        name: getattr(errors, name).exit_code
        for name in ("ConfigError", "DataError", "RunError", "Diverged", "Unsupported")
    }
    assert codes == {"ConfigError": 2, "DataError": 3, "RunError": 4, "Diverged": 5, "Unsupported": 2}
    assert errors.Interrupted("stopped", 75).exit_code == 75
    assert isinstance(errors.Interrupted("stopped", 130), KeyboardInterrupt)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vanila", "unknown recipe 'vanila'; nearest: vanilla."),
        ("zzz", "unknown recipe 'zzz'; there are: mlp_gan, vanilla."),
    ],
)
def test_unknown_names(name, said):
    assert errors.unknown("recipe", name, ["vanilla", "mlp_gan"]) == said
