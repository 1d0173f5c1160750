using Coppice.Kernels.Tests.Support;
using Xunit;

namespace Coppice.Kernels.Tests;

/// <summary>What a back end says about itself, so that nobody has to ask which one it is.</summary>
public sealed class BackendTests
{
    public static TheoryData<string> Present => [.. Devices.All.Where(device => device.Missing is null).Select(device => device.Name)];

    private static Device Of(string name) => Devices.All.Single(device => device.Name == name);

    [Theory, MemberData(nameof(Present))]
    public void Only_a_back_end_of_the_host_has_threads_and_code_of_the_runtime(string name)
    {
        foreach (var backend in Of(name).Backends)
        {
            Assert.Equal(Of(name).IsOnHost, backend.HostThreads is not null);
            Assert.Equal(Of(name).IsOnHost, backend.CompilesWhenCalled);
            Assert.Equal(Of(name).IsOnHost, backend.PrefersEightBits);
        }
    }

    [Fact]
    public void Threads_are_those_that_were_asked_for()
    {
        using var backend = SimdBackend.Create(3);
        Assert.Equal(3, backend.HostThreads);
    }
}
