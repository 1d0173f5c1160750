using System.Diagnostics;
using Coppice.Kernels.Memory;
using CsCheck;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>How much native memory there is left: the machine's, within control groups, whatever limits the collector.</summary>
public sealed class AvailableMemoryTests
{
    private const string Child = "COPPICE_HEAP_LIMIT_CHILD";
    private const long MiB = 1 << 20;
    private const int LimitSeconds = 120;
    private const string Machine =
        "MemTotal:       24684092 kB\nMemFree:        1024 kB\nMemAvailable:   2097152 kB\nBuffers: 1 kB\nCached:          4096 kB\n";
    private const string Unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    private const string Memory1 = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n";

    [Fact]
    public void Without_groups_it_is_what_the_kernel_says() => Assert.Equal(2048 * MiB, Read(("/proc/meminfo", Machine)));

    [Fact]
    public void An_old_kernel_has_its_parts_added() =>
        Assert.Equal((1024 + 1 + 4096) * 1024L,
            Read(("/proc/meminfo", Machine.Replace("MemAvailable", "Other", StringComparison.Ordinal))));

    [Fact]
    public void Where_nothing_can_be_read_nothing_is_known() => Assert.Null(Read());

    [Fact]
    public void A_group_of_version_2_has_its_limit_less_what_it_cannot_drop() => Assert.Equal(700 * MiB, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", "0::/a/b\n"), ("/proc/self/mountinfo", Unified),
        ("/sys/fs/cgroup/a/b/memory.max", $"{1000 * MiB}\n"), ("/sys/fs/cgroup/a/b/memory.current", $"{400 * MiB}\n"),
        ("/sys/fs/cgroup/a/b/memory.stat", $"anon 5\ninactive_file {100 * MiB}\nactive_file 7\n")));

    [Fact]
    public void The_tightest_group_around_counts() => Assert.Equal(50 * MiB, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", "0::/a/b\n"), ("/proc/self/mountinfo", Unified),
        ("/sys/fs/cgroup/a/b/memory.max", "max\n"), ("/sys/fs/cgroup/a/b/memory.current", "1\n"),
        ("/sys/fs/cgroup/a/memory.max", $"{60 * MiB}\n"), ("/sys/fs/cgroup/a/memory.current", $"{10 * MiB}\n"),
        ("/sys/fs/cgroup/memory.max", $"{80 * MiB}\n"), ("/sys/fs/cgroup/memory.current", $"{10 * MiB}\n")));

    [Fact]
    public void A_group_of_version_1_counts_with_its_parents() => Assert.Equal(30 * MiB, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", "5:cpu:/x\n4:memory:/a/b\n0::/\n"), ("/proc/self/mountinfo", Memory1),
        ("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "5\n"),
        ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", $"{40 * MiB}\n"),
            ("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", $"{20 * MiB}\n"),
        ("/sys/fs/cgroup/memory/a/memory.stat", $"inactive_file 1\ntotal_inactive_file {10 * MiB}\n")));

    [Fact]
    public void A_parent_of_version_1_that_does_not_count_its_children_is_no_limit() => Assert.Equal(2048 * MiB, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", "4:memory:/a/b\n"), ("/proc/self/mountinfo", Memory1),
        ("/sys/fs/cgroup/memory/a/memory.use_hierarchy", "0\n"),
        ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1\n"), ("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "0\n")));

    [Theory]
    [InlineData("/docker/abc", "/docker/abc", "/sys/fs/cgroup")]
    [InlineData("/docker/abc", "/docker/abc/own", "/sys/fs/cgroup/own")]
    [InlineData("/docker/abc", "/docker/abcdef", "/sys/fs/cgroup")]
    [InlineData("/", "/../../secret", "/sys/fs/cgroup")]
    [InlineData("/docker/abc", "/", "/sys/fs/cgroup")]
    public void A_container_sees_its_group_where_it_is_mounted(string root, string path, string folder) => Assert.Equal(7, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", $"0::{path}\n"),
        ("/proc/self/mountinfo", $"30 23 0:26 {root} /sys/fs/cgroup rw - cgroup2 cgroup rw\n"), ($"{folder}/memory.max", "7")));

    [Fact]
    public void A_mount_may_have_a_blank_in_its_name() => Assert.Equal(7, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", "0::/\n"),
        ("/proc/self/mountinfo", @"30 23 0:26 / /mnt/my\040groups rw shared:1 master:2 - cgroup2 none rw"),
            ("/mnt/my groups/memory.max", "7")));

    [Theory]
    [InlineData("MemAvailable: 99999999999999999999999 kB")]
    [InlineData("MemAvailable: -5 kB")]
    [InlineData("MemAvailable: kB")]
    [InlineData("MemAvailable: 5")]
    [InlineData("MemAvailable")]
    [InlineData("MemAvailableX: 5 kB")]
    [InlineData("\0\0\0")]
    public void A_malformed_count_is_none(string text) => Assert.Null(Read(("/proc/meminfo", text)));

    [Fact]
    public void A_huge_count_does_not_overflow() =>
        Assert.Equal(long.MaxValue / 1024 * 1024, Read(("/proc/meminfo", $"MemAvailable: {ulong.MaxValue} kB")));

    [Fact]
    public void A_group_that_uses_more_than_its_limit_has_no_room() => Assert.Equal(0, Read(
        ("/proc/meminfo", Machine), ("/proc/self/cgroup", "0::/\n"), ("/proc/self/mountinfo", Unified),
        ("/sys/fs/cgroup/memory.max", "5"), ("/sys/fs/cgroup/memory.current", $"{ulong.MaxValue}")));

    /// <summary>Whatever the files say, the answer is a count.</summary>
    [Fact]
    public void Any_text_gives_a_count_or_nothing()
    {
        string[] words =
        [
            "MemAvailable:", "memory", "max", "0::", "4:memory:", "/", "/..", "a", " ", "\n", "-", " - cgroup2 x rw", ":",
                "18446744073709551615", "-1",
            "inactive_file ", "kB", "\\040", "\0", "é", "30 23 0:26 / /sys/fs/cgroup rw", "9223372036854775807",
        ];
        var text = Gen.Int[0, words.Length - 1].Array[0, 12].Select(picks => string.Concat(picks.Select(pick => words[pick])));
        Gen.Select(text, text, text, text, text).Sample((a, b, c, d, e) =>
        {
            var bytes = LinuxAvailableMemory.Read(path => path switch
            {
                "/proc/meminfo" => a,
                "/proc/self/cgroup" => b,
                "/proc/self/mountinfo" => c + Unified,
                _ => path.EndsWith("stat", StringComparison.Ordinal) ? e : d,
            });
            Assert.True(bytes is null or >= 0);
        }, iter: 20_000);
    }

    [Fact]
    public void This_machine_has_some()
    {
        using var backend = SimdBackend.Create(1);
        Assert.InRange(backend.AvailableBytes, 1 * MiB, 1L << 50);
    }

    [Fact]
    public async Task What_limits_the_collector_does_not_limit_pools()
    {
        if (Environment.GetEnvironmentVariable(Child) is not null)
        {
            Assert.InRange(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, 1, 256 * MiB);
            using var backend = SimdBackend.Create(1);
            Assert.True(backend.AvailableBytes > 512 * MiB, $"{backend.AvailableBytes:N0}");
            backend.CreatePool("beyond the heap", 512 * MiB).Dispose();
            return;
        }
        if (AvailableMemory.Bytes < 1024 * MiB) Assert.Skip("this machine has less than 1 GiB to spare");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (var argument in new[] { typeof(AvailableMemoryTests).Assembly.Location, "-noColor", "-method",
            $"*.{nameof(What_limits_the_collector_does_not_limit_pools)}" })
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x10000000";
        start.Environment[Child] = "1";
        using var child = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(LimitSeconds));
        try
        {
            var said = await child.StandardOutput.ReadToEndAsync(limit.Token);
            await child.WaitForExitAsync(limit.Token);
            Assert.True(child.ExitCode == 0 && said.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", StringComparison.Ordinal), said);
        }
        finally
        {
            if (!child.HasExited) child.Kill(entireProcessTree: true);
        }
    }

    private static long? Read(params (string Path, string Text)[] files) =>
        LinuxAvailableMemory.Read(path => files.FirstOrDefault(file => file.Path == path).Text);
}
