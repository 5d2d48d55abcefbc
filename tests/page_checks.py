"""What a built page must be for a reader, each a function that returns what is wrong with it.

The functions look at a page that is open in a browser (Playwright's `Page`), so they see what a
reader sees: after the scripts have run and with the styles applied.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; gives the address, which ends in a slash."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class Visit:
    """One page opened in one theme and width, and the complaints of the browser meanwhile."""

    def __init__(
        self, context: BrowserContext, base: str, path: str, theme: str = "light", width: int = 1280
    ) -> None:
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.set_viewport_size({"width": width, "height": 844})
        self.page.add_init_script(
            f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
        )
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.route(lambda url: not url.startswith((base, "data:", "blob:")), self._outside)
        self.page.goto(base + path)
        # Formulas are drawn after loading; what waits for them must not run before.
        self.page.evaluate("window.MathJax?.startup?.promise")
        for details in self.page.query_selector_all("details"):
            details.evaluate("d => { d.open = true }")

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"console: {message.text}")

    def _outside(self, route: Any) -> None:
        self.complaints.append(f"request outside: {route.request.url}")
        route.abort()

    def close(self) -> None:
        self.page.close()


def formulas(page: Page) -> list[str]:
    """Every formula is drawn, none has an error, and no source of a formula stands in the text."""
    return page.evaluate(
        r"""() => {
        const found = [];
        for (const math of document.querySelectorAll('.math')) {
            if (!math.querySelector('mjx-container'))
                found.push('not drawn: ' + math.textContent.slice(0, 60));
        }
        const errors = 'mjx-merror, [data-mml-node="merror"], [data-mjx-error]';
        for (const error of document.querySelectorAll(errors))
            found.push('error in a formula: ' +
                (error.getAttribute('data-mjx-error') ?? error.textContent).slice(0, 60));
        // MathJax prints the name of a command that it does not know, in red.
        for (const unknown of document.querySelectorAll('[data-mml-node="mtext"][fill="red"]'))
            found.push('unknown command in: '
                + unknown.closest('.math')?.querySelector('mjx-assistive-mml')?.textContent);
        const skipped = 'code, pre, script, style, noscript, textarea, mjx-container';
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        for (let node; (node = walker.nextNode());) {
            if (/\$[^$\s][^$]*\$|\\\(|\\\[|\\begin\{/.test(node.data)
                    && !node.parentElement.closest(skipped))
                found.push('a raw formula in the text: ' + node.data.trim().slice(0, 60));
        }
        return found;
    }"""
    )


def pictures(page: Page) -> list[str]:
    """Every picture loads and has words in place of it, which are not the name of a file."""
    return page.evaluate(
        r"""() => {
        const found = [];
        for (const image of document.images) {
            const alt = image.getAttribute('alt') ?? '';
            const name = image.src.startsWith('data:') ? 'an embedded picture' : image.src;
            // The mark beside the book's title says nothing that the title does not.
            const besideWords = image.closest('a')?.textContent.trim();
            if (!alt.trim() && !besideWords) found.push('no alternative text: ' + name);
            if (/\.(png|svg|jpe?g|gif|webp)\s*$/i.test(alt) || alt.includes('_images/'))
                found.push('alternative text is a file name: ' + alt);
            if (image.complete && image.naturalWidth === 0) found.push('does not load: ' + name);
        }
        return found;
    }"""
    )


def overflow(page: Page) -> list[str]:
    """The page is no wider than the window, and nothing in the text is cut off at its edge."""
    return page.evaluate(
        r"""() => {
        const found = [], width = document.documentElement.clientWidth;
        if (document.documentElement.scrollWidth > width)
            found.push(`the page is ${document.documentElement.scrollWidth} wide, not ${width}`);
        const scrolls = element => {
            for (let up = element.parentElement; up; up = up.parentElement) {
                if (up.tagName === 'BODY') return false;
                const style = getComputedStyle(up);
                if (['auto', 'scroll'].includes(style.overflowX)) return true;
            }
            return false;
        };
        const article = document.querySelector('article, .bd-article-container') ?? document.body;
        for (const element of article.querySelectorAll('*')) {
            // The hidden copy of each formula for screen readers takes no place.
            if (element.closest('mjx-assistive-mml')) continue;
            const box = element.getBoundingClientRect();
            if (box.width > 1 && (box.right > width + 1 || box.left < -1) && !scrolls(element))
                found.push(`${element.tagName} from ${Math.round(box.left)} to `
                    + `${Math.round(box.right)}: ${element.textContent.trim().slice(0, 40)}`);
        }
        return found;
    }"""
    )


def contrast(page: Page, least: float = 4.5) -> list[str]:
    """Text stands out from what is behind it by the ratio that WCAG asks of body text."""
    return page.evaluate(
        r"""least => {
        const channels = colour => {
            const canvas = contrastCanvas;
            canvas.clearRect(0, 0, 1, 1);
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
            return [r, g, b, a / 255];
        };
        const contrastCanvas = document.createElement('canvas')
            .getContext('2d', {willReadFrequently: true});
        const over = ([r, g, b, a], [R, G, B]) =>
            [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
        const behind = element => {
            const layers = [];
            for (let up = element; up; up = up.parentElement) {
                layers.push(channels(getComputedStyle(up).backgroundColor));
                if (layers.at(-1)[3] === 1) break;
            }
            return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 1]);
        };
        const luminance = colour => {
            const [r, g, b] = colour.slice(0, 3).map(value => {
                const v = value / 255;
                return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const found = new Set();
        const article = document.querySelector('article, .bd-article-container') ?? document.body;
        const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT);
        for (let node; (node = walker.nextNode());) {
            const element = node.parentElement;
            if (!node.data.trim() || element.closest('script, style, mjx-assistive-mml')) continue;
            // Marks that show only under the pointer are not text to read.
            if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true}))
                continue;
            if (element.closest('a.headerlink')) continue;
            const ground = behind(element);
            const ink = over(channels(getComputedStyle(element).color), ground);
            const [low, high] = [luminance(ink), luminance(ground)].sort((a, b) => a - b);
            const ratio = (high + 0.05) / (low + 0.05);
            if (ratio < least)
                found.add(`${ratio.toFixed(2)}: ${getComputedStyle(element).color} on `
                    + `${ground.slice(0, 3).map(Math.round)}: ${node.data.trim().slice(0, 40)}`);
        }
        return [...found];
    }""",
        least,
    )


def sliders(page: Page) -> list[str]:
    """Each slider has a name, takes the focus, and an arrow key changes something on the page."""
    state = """() => document.body.innerHTML
        + [...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL()).join()"""
    found = []
    for number, slider in enumerate(page.query_selector_all("input[type=range]")):
        named = slider.evaluate("s => s.labels.length > 0 || !!s.getAttribute('aria-label')")
        if not named:
            found.append(f"slider {number}: no label")
        slider.focus()
        if not slider.evaluate("s => s === document.activeElement"):
            found.append(f"slider {number}: does not take the focus")
            continue
        at_end = slider.evaluate("s => Number(s.value) >= Number(s.max || 100)")
        before, value = page.evaluate(state), slider.input_value()
        page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        if slider.input_value() == value:
            found.append(f"slider {number}: an arrow key does not move it")
        elif page.evaluate(state) == before:
            found.append(f"slider {number}: moving it changes nothing")
    return found


def accessibility(page: Page) -> list[str]:
    """axe-core finds nothing that it calls serious or critical."""
    # To preload is to ask for the style sheets once more, some at addresses where they are not.
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response
    return [
        f"{violation['id']} ({node['impact']}): {node['html'][:120]}"
        for violation in found["violations"]
        for node in violation["nodes"]
        if node["impact"] in ("serious", "critical")
    ]
