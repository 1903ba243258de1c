"""A small honest discord.py bot, run as a process of its own against the local Discord."""

import asyncio
import io
import os
import re
import signal
import sys

import discord
from discord import app_commands
from PIL import Image

from bot.endpoint import use_local_discord


def tell(line: str) -> None:
    """Speak to whoever started this process."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def picture(seed: int) -> discord.File:
    """Paint a seed as a PNG of one colour."""
    data = io.BytesIO()
    Image.new("RGB", (24, 16), (seed % 256, 80, 160)).save(data, "PNG")
    data.seek(0)
    return discord.File(data, "picture.png")


class Again(discord.ui.DynamicItem[discord.ui.Button], template=r"img:(?P<seed>\d+):again"):
    """Rolls the same seed again, also after a restart."""

    def __init__(self, seed: int) -> None:
        button = discord.ui.Button(label="Again", emoji="🔁", custom_id=f"img:{seed}:again")
        super().__init__(button)
        self.seed = seed

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item, match: re.Match[str]
    ) -> "Again":
        return cls(int(match["seed"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await draw(interaction, self.seed + 1, steps=1)


class Rename(discord.ui.Modal, title="Remix"):
    """Asks for another prompt."""

    prompt: discord.ui.TextInput = discord.ui.TextInput(label="Prompt", custom_id="prompt")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"remix of {self.prompt.value}")


class Remix(discord.ui.DynamicItem[discord.ui.Button], template=r"img:(?P<seed>\d+):remix"):
    """Opens a form."""

    def __init__(self, seed: int) -> None:
        super().__init__(discord.ui.Button(label="Remix", custom_id=f"img:{seed}:remix"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item, match: re.Match[str]
    ) -> "Remix":
        return cls(int(match["seed"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Rename())


class Progress(discord.ui.LayoutView):
    """What a member sees while they wait."""

    def __init__(self, text: str) -> None:
        super().__init__(timeout=None)
        cancel: discord.ui.Button = discord.ui.Button(label="Cancel", custom_id="order:cancel")
        self.add_item(discord.ui.TextDisplay(text))
        self.add_item(discord.ui.ActionRow(cancel))


class Result(discord.ui.LayoutView):
    """A finished picture."""

    def __init__(self, seed: int, file: discord.File) -> None:
        super().__init__(timeout=None)
        gallery: discord.ui.MediaGallery = discord.ui.MediaGallery()
        gallery.add_item(media=file)
        self.add_item(discord.ui.TextDisplay(f"seed {seed}"))
        self.add_item(gallery)
        self.add_item(discord.ui.ActionRow(Again(seed), Remix(seed)))


async def draw(
    interaction: discord.Interaction, seed: int, *, steps: int, pause: float = 0.05
) -> None:
    """Acknowledge, show progress, deliver; by the bot's own token when the member's is dead."""
    await interaction.response.defer(thinking=True)
    original = await interaction.original_response()
    for step in range(steps):
        await asyncio.sleep(pause)
        await interaction.edit_original_response(view=Progress(f"step {step}"))
    file = picture(seed)
    try:
        await interaction.edit_original_response(view=Result(seed, file), attachments=[file])
    except discord.NotFound:
        file = picture(seed)
        channel = interaction.client.get_partial_messageable(original.channel.id)
        message = channel.get_partial_message(original.id)
        await message.edit(view=Result(seed, file), attachments=[file])


class Names(app_commands.Translator):
    """Speaks Chinese."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        chinese = {"imagine": "画图", "prompt": "提示词", "seed": "种子", "red": "红色"}
        return chinese.get(string.message) if locale is discord.Locale.chinese else None


class WireBot(discord.Client):
    """Registers its commands and says when it is ready."""

    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True), allowed_mentions=discord.AllowedMentions.none()
        )
        self.tree = app_commands.CommandTree(self)
        register_orders(self.tree)
        register_questions(self.tree)
        register_posts(self.tree)

    async def setup_hook(self) -> None:
        await self.tree.set_translator(Names())
        self.add_dynamic_items(Again, Remix)
        await self.tree.sync()

    async def on_ready(self) -> None:
        tell("REROLL READY")

    async def on_resumed(self) -> None:
        tell("RESUMED")

    async def on_guild_join(self, guild: discord.Guild) -> None:
        tell(f"JOINED {guild.name}")


def register_orders(tree: app_commands.CommandTree) -> None:
    """Commands that draw."""

    @tree.command(name="imagine", description="Draw")
    @app_commands.choices(colour=[app_commands.Choice(name="red", value="r")])
    async def imagine(
        interaction: discord.Interaction,
        prompt: str,
        seed: app_commands.Range[int, 0, 4294967295] = 7,
        steps: int = 2,
        pause: float = 0.05,
        colour: str = "",
    ) -> None:
        if prompt == "forbidden":
            await interaction.response.send_message("No: forbidden", ephemeral=True)
            return
        await draw(interaction, seed, steps=steps, pause=pause)


def register_questions(tree: app_commands.CommandTree) -> None:
    """Commands that answer in words."""

    @tree.command(name="about", description="Tell what the interaction says")
    async def about(
        interaction: discord.Interaction, image: discord.Attachment | None = None
    ) -> None:
        size = len(await image.read()) if image else 0
        nsfw = (
            isinstance(interaction.channel, discord.TextChannel) and interaction.channel.is_nsfw()
        )
        facts = f"{interaction.locale}|{interaction.filesize_limit}|{nsfw}|{size}|"
        facts += f"{interaction.is_guild_integration()}|{image.width if image else None}"
        await interaction.response.send_message(facts, ephemeral=True)

    @tree.command(name="pick", description="Complete")
    async def pick(interaction: discord.Interaction, model: str) -> None:
        await interaction.response.send_message(model)

    @pick.autocomplete("model")
    async def models(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}-4b", value=f"{typed}-4b")]


def register_posts(tree: app_commands.CommandTree) -> None:
    """Commands that post by the bot's own token."""

    @tree.command(name="say", description="Post once, however often it is tried")
    async def say(interaction: discord.Interaction, text: str) -> None:
        await interaction.response.defer(ephemeral=True)
        channel = interaction.client.get_partial_messageable(interaction.channel_id)
        first = await channel.send(text, nonce="one")
        second = await channel.send(text, nonce="one")
        await interaction.followup.send(f"{first.id == second.id}")

    @tree.command(name="whisper", description="Write to the member")
    async def whisper(interaction: discord.Interaction, text: str) -> None:
        await interaction.user.send(text)
        await interaction.response.send_message("sent", ephemeral=True)

    rules = app_commands.Group(name="rules", description="Words")
    tree.add_command(rules)

    @rules.command(name="test", description="Answer about a prompt")
    async def rules_test(interaction: discord.Interaction, prompt: str) -> None:
        await interaction.response.send_message(prompt, ephemeral=True)

    @tree.command(name="flood", description="Post quickly")
    async def flood(interaction: discord.Interaction, count: int) -> None:
        await interaction.response.defer(ephemeral=True)
        channel = interaction.client.get_partial_messageable(interaction.channel_id)
        await asyncio.gather(*(channel.send(str(n)) for n in range(count)))
        await interaction.followup.send("done")

    @tree.command(name="sleep", description="Answer too late")
    async def sleep(interaction: discord.Interaction, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await interaction.response.send_message("late")
        except discord.NotFound as error:
            tell(f"LATE {error.code}")

    @tree.context_menu(name="Remix this")
    async def remix(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"{len(message.attachments)}", ephemeral=True)


async def main() -> None:
    """Run until SIGTERM."""
    use_local_discord(os.environ["REROLL_DISCORD_URL"], os.environ["DISCORD_TOKEN"])
    client = WireBot()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: asyncio.ensure_future(client.close()))
    async with client:
        try:
            await client.start(os.environ["DISCORD_TOKEN"])
        except discord.LoginFailure:
            sys.exit(3)


if __name__ == "__main__":
    asyncio.run(main())
