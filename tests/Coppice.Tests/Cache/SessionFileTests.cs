using System.Security.Cryptography;
using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>Saved keys and values: what comes back, what is refused and why, and that no file makes the reader do anything else.</summary>
/// <remarks>COPPICE_SCHEDULES multiplies how many files are made at random: see <see cref="CacheScheduleTests"/>.</remarks>
public sealed class SessionFileTests : IDisposable
{
    private const int Vocabulary = 96;
    private static CancellationToken Token => TestContext.Current.CancellationToken;
    private static readonly byte[] Model = [.. Enumerable.Range(0, 32).Select(i => (byte)(i * 7))];
    private readonly CacheBench _bench = new("cpu", 16);
    private readonly TemporaryFile _file = new();

    public void Dispose()
    {
        _file.Dispose();
        _bench.Dispose();
    }

    [Theory]
    [InlineData(0, 0, false)]
    [InlineData(1, 0, true)]
    [InlineData(64, 1, false)]
    [InlineData(150, 1, true)]
    [InlineData(150, 0, false)]
    public void Tokens_and_bits_come_back_in_any_kind(int length, int more, bool beyond)
    {
        var tokens = TinyModel.Prompt(length + more);
        using var saved = _bench.NewCache();
        saved.Append(tokens.AsSpan(0, length));
        SessionFile.Save(_file.Path, saved.Cache, tokens, beyond, Model, Token);
        Assert.Equal([_file.Path], Directory.GetFiles(Path.GetDirectoryName(_file.Path)!));
        Assert.Equal(80 + 4 * (length + more) + _bench.Geometry.Bytes(KvLayout.Pages(length)) + 32, new FileInfo(_file.Path).Length);
        foreach (var create in (Func<BenchCache>[])[_bench.NewCache, _bench.NewDense, saved.Fork])
        {
            using var loaded = create();
            if (loaded.Cache.Length == 0) loaded.Append(30, seed: 5);       // what was there is replaced
            var session = SessionFile.Load(_file.Path, loaded.Cache, Model, Vocabulary, cancellationToken: Token);
            Assert.Equal(tokens, session.Tokens);
            Assert.Equal(beyond, session.Beyond);
            loaded.Tokens.Clear();
            loaded.Tokens.AddRange(tokens[..length]);
            loaded.CheckContent();
            Assert.Equal(saved.Attend(3), loaded.Attend(3));
            loaded.Append(20, seed: 6);
            loaded.CheckContent();
        }
        saved.CheckContent();
    }

    [Fact]
    public void The_same_session_gives_the_same_bytes_and_nothing_of_others()
    {
        using (var other = _bench.NewCache()) other.Append(400, seed: 9);       // leaves its keys and values in the pages
        using var saved = _bench.NewCache();
        using var again = _bench.NewDense();
        saved.Append(100, seed: 1);
        again.Append(100, seed: 1);
        saved.Pass(TinyModel.Prompt(20, 3));        // not kept
        Assert.Equal(Bytes(saved), Bytes(again));
    }

    [Fact]
    public void A_file_of_another_model_format_or_version_is_refused_and_says_so()
    {
        using var cache = _bench.NewCache();
        cache.Append(70, seed: 1);
        var file = Bytes(cache);
        Refused("session", [.. file.Reverse()]);
        Refused("version", Changed(file, 8, 2));
        Refused("model", file, Model.Reverse().ToArray());
        Refused("layers", Changed(file, 48, 3));
        Refused("KV heads", Changed(file, 52, 1));
        Refused("head dim", Changed(file, 56, 16));
        Refused("stored as F32", Changed(file, 60, (int)ElementType.F16));
        Refused("block", Changed(file, 64, 32));
        Refused("block", Changed(file, 76, 1));
        Refused("byte 12", Changed(file, 12, 2));
        Refused("tokens", Changed(file, 68, int.MaxValue));
        Refused("tokens", Changed(file, 68, -1));
        Refused("cached", Changed(file, 72, 71));
        Refused("cached", Changed(file, 72, -1));
        Refused("cut off", Changed(file, 72, 64));
        Refused("cut off", [.. file, 0]);
        Refused("cut off", file[..^1]);
        Refused("at least", file[..50]);
        Refused("at least", []);
        Refused("checksum", Changed(file, file.Length - 4, 5));
        Refused("checksum", Changed(file, 80 + 4 * 70 + 5000, 5));
        Refused("ids", Resealed(Changed(file, 80, Vocabulary)));
        Refused("ids", Resealed(Changed(file, 84, -1)));
        using var loaded = _bench.NewDense();
        using var right = new MemoryStream(Resealed(Changed(file, 80, Vocabulary - 1)));
        Assert.Equal(Vocabulary - 1, SessionFile.Read("file", right, loaded.Cache, Model, Vocabulary, cancellationToken: Token).Tokens[0]);
    }

    [Fact]
    public void A_session_that_does_not_fit_is_refused()
    {
        using var saved = _bench.NewCache();
        saved.Append(300, seed: 1);
        SessionFile.Save(_file.Path, saved.Cache, saved.Tokens.ToArray(), false, Model, Token);
        var source = new KvSource(_bench.Backend, _bench.Geometry, _bench.Pool);
        using var small = KvCacheKind.Create(source, 250);
        var error = Assert.Throws<SessionFileException>(() => SessionFile.Load(_file.Path, small, Model, Vocabulary,
            cancellationToken: Token));
        Assert.Contains("250 tokens", error.Message, StringComparison.Ordinal);
        using var other = _bench.NewCache();
        other.Append(400, seed: 2);
        using var loaded = _bench.NewCache();
        loaded.Append(64, seed: 3);
        Assert.Throws<DeviceMemoryException>(() => SessionFile.Load(_file.Path, loaded.Cache, Model, Vocabulary, cancellationToken: Token));
        Assert.Equal((0, 4), (loaded.Cache.Length, _bench.Pool.FreePages));
    }

    [Fact]
    public void What_was_there_stays_until_a_file_is_whole()
    {
        using var cache = _bench.NewCache();
        cache.Append(130, seed: 1);
        File.WriteAllText(_file.Path, "before");
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var tokens = cache.Tokens.ToArray();
        Assert.Throws<OperationCanceledException>(() => SessionFile.Save(_file.Path, cache.Cache, tokens, false, Model, cancelled.Token));
        Assert.Equal("before", File.ReadAllText(_file.Path));
        Assert.Equal([_file.Path], Directory.GetFiles(Path.GetDirectoryName(_file.Path)!));
        SessionFile.Save(_file.Path, cache.Cache, tokens, false, Model, Token);
        using var loaded = _bench.NewCache();
        loaded.Append(10, seed: 2);
        Assert.Throws<OperationCanceledException>(() => SessionFile.Load(_file.Path, loaded.Cache, Model, Vocabulary,
            cancellationToken: cancelled.Token));
        loaded.CheckContent();
        Assert.Throws<FileNotFoundException>(() => SessionFile.Load(_file.Path + ".none", loaded.Cache, Model, Vocabulary,
            cancellationToken: Token));
    }

    [Fact]
    public void A_file_that_changes_while_it_is_read_leaves_an_empty_cache()
    {
        using var cache = _bench.NewCache();
        cache.Append(130, seed: 1);
        using var stream = new ChangingStream(Bytes(cache), at: 2000);
        using var loaded = _bench.NewCache();
        loaded.Append(10, seed: 2);
        var error = Assert.Throws<SessionFileException>(() => SessionFile.Read("file", stream, loaded.Cache, Model, Vocabulary,
            cancellationToken: Token));
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
        Assert.Equal((0, 13), (loaded.Cache.Length, _bench.Pool.FreePages));
    }

    [Fact]
    public void No_change_of_a_file_does_anything_but_be_refused()
    {
        var random = new Random(1);
        using var saved = _bench.NewCache();
        saved.Append(70, seed: 1);
        var file = Bytes(saved);
        using var loaded = _bench.NewCache();
        loaded.Append(10, seed: 2);
        var largest = 0L;
        var refused = 0;
        for (var i = 0; i < 30 * CacheScheduleTests.Schedules; i++)
        {
            var changed = Mutated(file, random);
            if (changed.AsSpan().SequenceEqual(file)) continue;
            var before = GC.GetAllocatedBytesForCurrentThread();
            using var stream = new MemoryStream(changed);
            try
            {
                // Another number of cached tokens in the same blocks, say, with a checksum that fits is another session, and no error.
                SessionFile.Read("file", stream, loaded.Cache, Model, Vocabulary, cancellationToken: Token);
                Assert.Equal(Resealed(changed), changed);
                loaded.Cache.Truncate(0);
                loaded.Tokens.Clear();
                loaded.Append(10, seed: 2);
                continue;
            }
            catch (SessionFileException)
            {
                refused++;
            }
            largest = Math.Max(largest, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        loaded.CheckContent();
        Assert.InRange(largest, 1, 200_000);
        Assert.InRange(refused, 24 * CacheScheduleTests.Schedules, 30 * CacheScheduleTests.Schedules);
    }

    /// <summary>
    /// Bits turned, numbers set to extremes, the file cut off, made longer, or parts of it exchanged; sometimes with a checksum that fits.
    /// </summary>
    private static byte[] Mutated(byte[] file, Random random)
    {
        var changed = (byte[])file.Clone();
        switch (random.Next(5))
        {
            case 0: changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8)); break;
            case 1: return changed[..random.Next(changed.Length)];
            case 2: return [.. changed, .. new byte[random.Next(1, 100)]];
            case 3:
                int[] extremes = [int.MinValue, -1, 0, 1, 63, 65, int.MaxValue, int.MaxValue / 4, random.Next()];
                changed = Changed(changed, 4 * random.Next(20), extremes[random.Next(extremes.Length)]);
                if (random.Next(2) == 0) changed = Resealed(changed);
                break;
            default:
                var (from, to, count) = (random.Next(changed.Length - 64), random.Next(changed.Length - 64), random.Next(1, 64));
                changed.AsSpan(from, count).CopyTo(changed.AsSpan(to));
                break;
        }
        return changed;
    }

    private static byte[] Bytes(BenchCache cache)
    {
        using var stream = new MemoryStream();
        SessionFile.Write(stream, cache.Cache, cache.Tokens.ToArray(), false, Model, Token);
        return stream.ToArray();
    }

    private static byte[] Changed(byte[] file, int at, int value)
    {
        var changed = (byte[])file.Clone();
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(changed.AsSpan(at), value);
        return changed;
    }

    private static byte[] Resealed(byte[] file) => [.. file[..^32], .. SHA256.HashData(file.AsSpan(0, file.Length - 32))];

    private void Refused(string reason, byte[] file, byte[]? model = null)
    {
        using var cache = _bench.NewCache();
        cache.Append(10, seed: 2);
        using var stream = new MemoryStream(file);
        var error = Assert.Throws<SessionFileException>(
            () => SessionFile.Read("file", stream, cache.Cache, model ?? Model, Vocabulary, cancellationToken: Token));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        cache.CheckContent();
    }

    /// <summary>Another byte than before is at one place when it is read the second time.</summary>
    private sealed class ChangingStream(byte[] bytes, int at) : MemoryStream((byte[])bytes.Clone())
    {
        private bool _read;

        public override int Read(Span<byte> buffer)
        {
            var begin = (int)Position;
            var count = base.Read(buffer);
            if (at < begin || at >= begin + count) return count;
            if (_read) buffer[at - begin] ^= 1;
            _read = true;
            return count;
        }
    }
}
