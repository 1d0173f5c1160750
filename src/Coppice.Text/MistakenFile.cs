namespace Coppice;

/// <summary>
/// Files that lie under the name of a checkpoint's file and are something else: what a failed or partial download leaves.
/// </summary>
internal static class MistakenFile
{
    /// <summary>Bytes of a file's beginning that <see cref="Describe"/> looks at.</summary>
    public const int Sample = 64;

    private static readonly (byte[] Start, string What)[] Kinds =
    [
        ("version https://git-lfs"u8.ToArray(),
            "is a Git LFS pointer, not the file itself (run `git lfs pull` in the folder, or download the file)"),
        ("<!doctype html"u8.ToArray(), "is a web page, not the file itself (the download got an error or a log-in page)"),
        ("<html"u8.ToArray(), "is a web page, not the file itself (the download got an error or a log-in page)"),
        ("<?xml"u8.ToArray(), "is an XML text, not the file itself (the download got an error)"),
        ("Entry not found"u8.ToArray(), "is a message of a download, not the file itself: there was no such file"),
        ("Repository not found"u8.ToArray(), "is a message of a download, not the file itself: there was no such model"),
        ("Invalid username or password"u8.ToArray(), "is a message of a download, not the file itself: it asked for a log-in"),
        ("Invalid credentials"u8.ToArray(), "is a message of a download, not the file itself: it asked for a log-in"),
        ("Access to model "u8.ToArray(), "is a message of a download, not the file itself: it asked for a log-in"),
        ("{\"error\":"u8.ToArray(), "is a message of a download, not the file itself: it got an error"),
        ("PK\x03\x04"u8.ToArray(), "is a ZIP archive, as PyTorch writes checkpoints (convert it to safetensors)"),
        ([0x80, 0x02, 0x8A], "is a pickle, as PyTorch writes checkpoints (convert it to safetensors)"),
        ([0x1F, 0x8B, 0x08], "is compressed by gzip (unpack it first)"),
        ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd (unpack it first)"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], "is compressed by xz (unpack it first)"),
        ("GGUF"u8.ToArray(), "is a GGUF file (load the model's original folder with safetensors)"),
    ];

    /// <summary>
    /// What the file is that begins with <paramref name="start"/>, as the rest of a sentence after its name; null for nothing known.
    /// </summary>
    public static string? Describe(ReadOnlySpan<byte> start)
    {
        foreach (var (kind, what) in Kinds)
        {
            if (start.Length >= kind.Length && IsSame(start[..kind.Length], kind)) return what;
        }
        return null;
    }

    /// <summary>
    /// Throws where <paramref name="start"/>, the beginning of the file <paramref name="name"/>, shows that it is another file.
    /// </summary>
    /// <exception cref="CheckpointException">It is.</exception>
    public static void Refuse(string name, ReadOnlySpan<byte> start)
    {
        if (Describe(start) is { } what) throw new CheckpointException($"{name}: {what}.");
    }

    private static bool IsSame(ReadOnlySpan<byte> start, ReadOnlySpan<byte> kind) =>
        start.SequenceEqual(kind) || System.Text.Ascii.EqualsIgnoreCase(start, kind);
}
