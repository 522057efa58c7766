"""`deadband crds`."""

import click


@click.command("crds")
def crds_command() -> None:
    """Print the CustomResourceDefinitions, ready to be applied.

    \b
    Examples:
      deadband crds | kubectl apply --server-side -f -

    Exit codes: 0 always.
    """  # noqa: D301 - \b is click's mark for text that keeps its lines
    from deadband.api.crd import crds, render

    click.echo("---\n".join(render(crd) for crd in crds()), nl=False)
