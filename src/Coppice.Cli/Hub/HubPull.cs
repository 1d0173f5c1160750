using System.Security.Cryptography;
using System.Text;

namespace Coppice.Cli.Hub;

/// <summary>Brings a model from a hub into the cache.</summary>
internal sealed class HubPull(HubClient client, HubCache cache)
{
    /// <summary>
    /// Fetches what is missing. A file gets its name only when its hash is right, and the revision its name only when all files are there;
    /// what was begun before is gone on with.
    /// </summary>
    /// <param name="model">"owner/name".</param>
    /// <param name="revision">A branch, tag or commit.</param>
    /// <param name="progress">Told how many bytes of how many are there.</param>
    /// <param name="cancellation">Leaves what has come, for the next time.</param>
    /// <returns>The model's folder, and what is in it.</returns>
    /// <exception cref="CommandException">The hub does not have it, or sends what it must not.</exception>
    public async Task<(string Folder, HubRevision Revision)> RunAsync(
        string model, string revision, Action<long, long> progress, CancellationToken cancellation)
    {
        if (!HubName.IsModel(model)) throw new CommandException($"pull: a model's name must be as owner/name, found \"{model}\".");
        if (!HubName.IsInside(revision))
            throw new CommandException($"pull: --revision must be a branch, a tag or a commit, found \"{revision}\".");
        var found = await client.RevisionAsync(model, revision, cancellation);
        var folder = cache.Folder(model);
        var blobs = Directory.CreateDirectory(Path.Combine(folder, "blobs")).FullName;
        var snapshot = Directory.CreateDirectory(Path.Combine(folder, "snapshots", found.Commit)).FullName;
        var done = 0L;
        foreach (var file in found.Files)
        {
            var before = done;
            var blob = Path.Combine(blobs, file.Hash);
            if (!File.Exists(blob))
                await FetchAsync(model, found.Commit, file, blob, bytes => progress(before + bytes, found.Bytes), cancellation);
            Link(blob, Path.Combine([snapshot, .. file.Path.Split('/')]));
            progress(done += file.Size, found.Bytes);
        }
        if (revision != found.Commit)
        {
            var reference = Path.Combine([folder, "refs", .. revision.Split('/')]);
            Directory.CreateDirectory(Path.GetDirectoryName(reference)!);
            await File.WriteAllTextAsync(reference, found.Commit, cancellation);
        }
        return (snapshot, found);
    }

    private async Task FetchAsync(string model, string commit, HubFile file, string blob, Action<long> progress,
        CancellationToken cancellation)
    {
        var partial = blob + ".incomplete";
        await client.FetchAsync(model, commit, file, partial, progress, cancellation);
        var hash = await HashAsync(partial, file, cancellation);
        if (hash != file.Hash)
        {
            File.Delete(partial);
            throw new CommandException($"{model}: {file.Path} must have the hash {file.Hash}, found {hash}; it was deleted (pull again).");
        }
        File.Move(partial, blob, overwrite: true);
    }

    /// <summary>SHA-256 where the hub counts so, else as git does.</summary>
    private static async Task<string> HashAsync(string path, HubFile file, CancellationToken cancellation)
    {
        await using var stream = File.OpenRead(path);
        if (file.Hash.Length == 2 * SHA256.HashSizeInBytes)
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation));
        // Git's own name for a content: nothing is kept secret by it.
#pragma warning disable CA5350
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {stream.Length}\0"));
        var buffer = new byte[1 << 16];
        while (await stream.ReadAsync(buffer, cancellation) is > 0 and var count) hash.AppendData(buffer, 0, count);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Makes <paramref name="path"/> lead to the blob; where the system allows no links, it is a copy.</summary>
    private static void Link(string blob, string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        Directory.CreateDirectory(folder);
        if (File.Exists(path)) return;
        if (new FileInfo(path).LinkTarget is not null) File.Delete(path);       // leads nowhere
        try
        {
            File.CreateSymbolicLink(path, Path.GetRelativePath(folder, blob));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Copy(blob, path);
        }
    }
}
